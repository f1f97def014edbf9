/// What one instruction set offers, and the few lines every instruction set's file shares.
#pragma once
#include "cairn_code_kernels.h"

#define CAIRN_METRICS 3
#define CAIRN_SCALARS 4
#define CAIRN_CODE_METRICS 2
#define CAIRN_CODES 2

/// The kernels of code rows: L2 and products.
typedef struct code_table {
    cairn_distances_fn distances[CAIRN_CODE_METRICS][CAIRN_CODES];
    /// The same for rows of exactly 128 codes, with the query kept in registers; NULL where that gains nothing.
    cairn_distances_fn distances_128[CAIRN_CODE_METRICS][CAIRN_CODES];
} code_table;

typedef struct kernel_table {
    cairn_distances_fn distances[CAIRN_METRICS][CAIRN_SCALARS];
    /// The same for rows of exactly 128 scalars, with the query kept in registers; NULL where that gains nothing.
    cairn_distances_fn distances_128[CAIRN_METRICS][CAIRN_SCALARS];
    const code_table *codes;
    cairn_count_less_fn count_less;
    void (*f16_to_f32)(const uint16_t *from, float *to, size_t n);
    void (*f32_to_f16)(const float *from, uint16_t *to, size_t n);
} kernel_table;

#define CAIRN_HIDDEN __attribute__((visibility("hidden")))
#define CAIRN_ALWAYS_INLINE static inline __attribute__((always_inline))

/// Before a loop over an array of vector registers: only when it is unrolled can the array live in registers.
#if defined(__clang__)
#define CAIRN_UNROLL _Pragma("clang loop unroll(full)")
#else
#define CAIRN_UNROLL _Pragma("GCC unroll 16")
#endif

extern CAIRN_HIDDEN const kernel_table cairn_scalar_kernels;
extern CAIRN_HIDDEN const code_table cairn_scalar_codes;
#if defined(__x86_64__)
extern CAIRN_HIDDEN const kernel_table cairn_avx2_kernels;
extern CAIRN_HIDDEN const kernel_table cairn_avx512_kernels;
extern CAIRN_HIDDEN const code_table cairn_avx2_codes;
extern CAIRN_HIDDEN const code_table cairn_avx512_codes;
#elif defined(__aarch64__)
extern CAIRN_HIDDEN const kernel_table cairn_neon_kernels;
/// For CPUs with the dot product instructions (Armv8.2 on); belongs to the same level.
extern CAIRN_HIDDEN const kernel_table cairn_neon_dotprod_kernels;
extern CAIRN_HIDDEN const code_table cairn_neon_codes;
extern CAIRN_HIDDEN const code_table cairn_neon_dotprod_codes;

#if defined(__clang__)
#define CAIRN_DOT_PRODUCT_TARGET __attribute__((target("+dotprod")))
#else  // GCC's header wants the architecture by name; to Clang on Apple's CPUs that would mean less than their default
#define CAIRN_DOT_PRODUCT_TARGET __attribute__((target("arch=armv8.2-a+dotprod")))
#endif
#endif

/// The table of cairn_kernel_level().
CAIRN_HIDDEN const kernel_table *cairn_kernels(void);

/// Instruction sets that are not a level of their own.
typedef enum cpu_feature { CPU_CRC32C = 1, CPU_DOT_PRODUCT = 2 } cpu_feature;
/// The cpu_feature bits of this machine, found once per process.
CAIRN_HIDDEN int cairn_cpu_features(void);

CAIRN_ALWAYS_INLINE const char *row_at(const cairn_rows *rows, uint32_t id) {
    return (const char *)rows->base + (size_t)id * rows->stride;
}

/// A product as a distance. Subtracted from zero, because then zero has one sign only, and equal products the same bits.
CAIRN_ALWAYS_INLINE float negated(float product) { return 0.0f - product; }

/// Turns the exact 32-bit sum of an integer kernel into a distance. Only the inner product of i8 rows is signed.
/// A row (or query) of norm 0 has no direction: its cosine is taken to be 0.
CAIRN_ALWAYS_INLINE float integer_distance(cairn_metric metric, cairn_scalar scalar, uint32_t sum, float query_norm,
                                           const cairn_rows *rows, uint32_t id) {
    float value = scalar == CAIRN_I8 && metric != CAIRN_L2 ? (float)(int32_t)sum : (float)sum;
    if (metric == CAIRN_L2) return value;
    if (metric == CAIRN_INNER_PRODUCT) return negated(value);
    float norms = query_norm * rows->norms[id];
    return negated(norms > 0.0f ? value / norms : 0.0f);
}

/// The norms of a hop's rows are as scattered as the rows: ask for all of them before the first is needed.
CAIRN_ALWAYS_INLINE void prefetch_norms(cairn_metric metric, const cairn_rows *rows, const uint32_t *ids, size_t n) {
    if (metric != CAIRN_COSINE) return;
    for (size_t i = 0; i < n; i++) cairn_prefetch(rows->norms + ids[i]);
}

/// Narrows the ascending keys [*first, *first + n) to at most `window` of them among which `key` belongs, without
/// branches that depend on the keys, and returns how many are left.
CAIRN_ALWAYS_INLINE uint32_t narrow(const uint64_t **first, uint32_t n, uint64_t key, uint32_t window) {
    const uint64_t *keys = *first;
    while (n > window) {
        uint32_t half = n / 2;
        keys += half & (0u - (uint32_t)(keys[half - 1] < key));
        n -= half;
    }
    *first = keys;
    return n;
}
