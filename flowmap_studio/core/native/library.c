/* What a library is asked before it is used. */
#include "vectors.h"

/* Which sources this was made from. */
EXPORT const char *library_sources(void) { return SOURCES; }

/* Whether the processor has what all of this is made of. */
EXPORT int processor_suits(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
