"""The compositions: `serve` (the service) and `folder` (one run, no network). The only place that knows every part."""
