/// Code kernels for NEON, with and without the dot product instructions (see neon.c). Rows are taken in groups.
#if defined(__aarch64__)
#include "codes.h"
#include <arm_neon.h>

#define LARGEST_GROUP 4

#define NAMED(name) name
#define TARGET
#define DOT_PRODUCT 0
#include "neon_codes.h"
#undef NAMED
#undef TARGET
#undef DOT_PRODUCT

#define NAMED(name) name##_with_dot_product
#define TARGET CAIRN_DOT_PRODUCT_TARGET
#define DOT_PRODUCT 1
#include "neon_codes.h"

#define TABLE(suffix)                                                                                                  \
    {                                                                                                                  \
        .distances = { { l2_8##suffix, l2_4##suffix }, { product_8##suffix, product_4##suffix } },                     \
        .distances_128 = { { l2_8_128##suffix, l2_4_128##suffix }, { product_8_128##suffix, product_4_128##suffix } }, \
    }

const code_table cairn_neon_codes = TABLE();
const code_table cairn_neon_dotprod_codes = TABLE(_with_dot_product);
#endif
