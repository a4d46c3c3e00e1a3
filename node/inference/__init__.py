"""Models: what they promise, how they are packaged, the engines that run them."""
