/* What a library is asked before it is used. */
#include "vectors.h"

/* Which sources this was made from. */
EXPORT const char *library_sources(void) { return SOURCES; }

/* Floats of a vector. */
EXPORT int64_t library_lanes(void) { return LANES; }

/* Whether the processor has what all of this is made of. */
EXPORT int processor_suits(void) {
#ifdef __AVX512F__
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl") ||
        !__builtin_cpu_supports("avx512vnni"))
        return 0;
#endif
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
