"""The article's network in C, for processors with AVX2: a block of points stays in the caches."""
