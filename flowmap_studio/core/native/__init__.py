"""The article's network in C, for processors with AVX2 or AVX-512; pairs and markers likewise."""
