"""What is generated: one module for each file of vectors, with a function `build()`."""
