"""Alembic's entry: runs the steps on the connection that `node.store.database` opened, inside its transaction."""

from alembic import context

from node.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite cannot alter a column in place
    transactional_ddl=True,  # our SQLite transactions are real ones: an upgrade happens as a whole or not at all
)
with context.begin_transaction():
    context.run_migrations()
