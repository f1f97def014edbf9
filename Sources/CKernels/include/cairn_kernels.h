/// Everything of Cairn that is written in C because it needs an instruction set chosen at run time:
/// distances from a query to many rows, the search pool's counting search, half-precision conversion, CRC32C
/// and prefetching. Nothing here allocates, locks or fails.
///
/// One table per instruction set (scalar.c, avx2.c, avx512.c, neon.c); dispatch.c picks one per process, once.
/// The environment variable CAIRN_KERNELS=scalar|avx2|avx512|neon overrides the choice (tests do); a name this
/// machine cannot run falls back to the best one it can.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// The distances a store can have. Cosine of f32 and f16 rows is the inner product of rows normalised beforehand;
/// cosine of integer rows divides by the norms.
typedef enum cairn_metric { CAIRN_L2 = 0, CAIRN_INNER_PRODUCT = 1, CAIRN_COSINE = 2 } cairn_metric;
typedef enum cairn_scalar { CAIRN_F32 = 0, CAIRN_F16 = 1, CAIRN_U8 = 2, CAIRN_I8 = 3 } cairn_scalar;
typedef enum cairn_level {
    CAIRN_LEVEL_SCALAR = 0, CAIRN_LEVEL_AVX2 = 1, CAIRN_LEVEL_AVX512 = 2, CAIRN_LEVEL_NEON = 3
} cairn_level;

/// A column of equally spaced rows: row i starts at base + i * stride and has `dimensions` scalars.
typedef struct cairn_rows {
    const void *base;
    size_t stride;      ///< bytes from one row to the next
    size_t dimensions;  ///< scalars in a row
    const float *norms; ///< Euclidean norm of each row; read only by CAIRN_COSINE over integer rows
} cairn_rows;

/// Writes to out[i] how far row ids[i] is from `query`, for i < n: less is nearer. The query is f32 for f32 and f16 rows,
/// and of the rows' own type for u8 and i8. `query_norm` is read only by CAIRN_COSINE over integer rows.
///   L2: sum of squared differences.  Inner product and cosine of floats: -dot.
///   Cosine of integers: -dot / (query_norm * norms[id]), and 0 where a norm is 0. Zero is never negative.
/// The distance of products is 1 - dot. Its 1 is added only to results: it would round small products to the same number.
/// Integer sums are exact up to 65,536 dimensions, so that all levels agree to the bit; floats are added in another
/// order at each level, but at one level a row's distance never depends on what else is in the call. Nothing outside
/// the rows, the query and (for CAIRN_COSINE) the norms of the rows asked for is read. Rows and query may start at any
/// address. Rows are taken in groups of up to eight to overlap their cache misses: call with whole hops, and
/// prefetch the first lines of all their rows before.
typedef void (*cairn_distances_fn)(const cairn_rows *rows, const void *query, float query_norm,
                                   const uint32_t *ids, size_t n, float *out);

/// How many of the n keys, which ascend, are less than `key`: where it belongs in the pool.
typedef uint32_t (*cairn_count_less_fn)(const uint64_t *keys, uint32_t n, uint64_t key);

/// The best level this machine runs, or what CAIRN_KERNELS names if it runs that. Constant for the process.
cairn_level cairn_kernel_level(void);
/// Whether this machine runs `level`.
int cairn_kernel_level_supported(cairn_level level);
/// The kernel for a metric and scalar at one level. `dimensions` selects an unrolled variant where there is one.
/// NULL if this machine does not run that level.
cairn_distances_fn cairn_distances_at(cairn_level level, cairn_metric metric, cairn_scalar scalar, size_t dimensions);
/// The same at cairn_kernel_level(); never NULL.
cairn_distances_fn cairn_distances(cairn_metric metric, cairn_scalar scalar, size_t dimensions);
cairn_count_less_fn cairn_count_less_at(cairn_level level);
cairn_count_less_fn cairn_count_less(void);

/// IEEE half precision, round to nearest even; overflow gives infinity.
void cairn_f16_to_f32(const uint16_t *from, float *to, size_t n);
void cairn_f32_to_f16(const float *from, uint16_t *to, size_t n);

/// CRC32C (Castagnoli) of `length` bytes, continuing from `crc` (0 to begin). Uses SSE4.2 or the Arm CRC instructions
/// where there are any, three streams at a time for long inputs.
uint32_t cairn_crc32c(uint32_t crc, const void *bytes, size_t length);
/// The portable version, for tests.
uint32_t cairn_crc32c_portable(uint32_t crc, const void *bytes, size_t length);

/// Asks the CPU for the cache line at p.
static inline __attribute__((always_inline)) void cairn_prefetch(const void *p) { __builtin_prefetch(p, 0, 3); }
/// Asks for `lines` 64-byte lines from p on.
static inline __attribute__((always_inline)) void cairn_prefetch_lines(const void *p, int32_t lines) {
    for (int32_t i = 0; i < lines; i++) __builtin_prefetch((const char *)p + 64 * i, 0, 3);
}
