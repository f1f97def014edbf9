/// AVX-512 (F, BW, VL, DQ, VNNI). Rows are taken eight at a time (four where the query stays in registers), then four,
/// two, one: the waits for the cache lines of a group overlap, a register of the query serves the whole group, and
/// horizontal sums cost one transposition for four. A row's distance does not depend on what else is in the call: the
/// additions have the same order in groups of any size.
#if defined(__x86_64__)
#include "avx512_integers.h"

#define LARGEST_GROUP 8

// MARK: Sums across lanes

INLINE __m512 halves_added(__m512 a, __m512 b) {
    return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xEE));
}

/// The sums of four registers, with the additions in the same order as in `total`.
INLINE __m128 four_totals(const __m512 *sums) {
    __m512 ab = halves_added(sums[0], sums[1]), cd = halves_added(sums[2], sums[3]);
    __m512 s = _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xDD));
    s = _mm512_add_ps(s, _mm512_permute_ps(s, 0x4E));
    s = _mm512_add_ps(s, _mm512_permute_ps(s, 0xB1));
    return _mm512_castps512_ps128(_mm512_maskz_compress_ps(0x1111, s));
}

INLINE float total(__m512 sums) {
    __m256 s = _mm256_add_ps(_mm512_castps512_ps256(sums), _mm512_extractf32x8_ps(sums, 1));
    __m128 t = _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));
    t = _mm_add_ps(t, _mm_permute_ps(t, 0x4E));
    t = _mm_add_ps(t, _mm_permute_ps(t, 0xB1));
    return _mm_cvtss_f32(t);
}

// MARK: f32 and f16

INLINE __m512 load_floats(const char *row, size_t i, cairn_scalar scalar) {
    if (scalar == CAIRN_F16) return _mm512_cvtph_ps(_mm256_loadu_si256((const void *)(row + 2 * i)));
    return _mm512_loadu_ps(row + 4 * i);
}

INLINE __m512 load_last_floats(const char *row, size_t i, __mmask16 mask, cairn_scalar scalar) {
    if (scalar == CAIRN_F16) return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, row + 2 * i));
    return _mm512_maskz_loadu_ps(mask, row + 4 * i);
}

INLINE __m512 accumulate(__m512 sum, __m512 query, __m512 row, cairn_metric metric) {
    if (metric != CAIRN_L2) return _mm512_fmadd_ps(query, row, sum);
    __m512 difference = _mm512_sub_ps(query, row);
    return _mm512_fmadd_ps(difference, difference, sum);
}

/// The sums of `count` rows, each still spread over the lanes of a register. `registers` is the query if the
/// dimensions are 128, else NULL.
INLINE void sum_floats(const char *query, const __m512 *registers, const char *const *row, size_t dimensions,
                       int count, __m512 *sums, cairn_metric metric, cairn_scalar scalar) {
    __m512 part[LARGEST_GROUP][2];
    CAIRN_UNROLL
    for (int r = 0; r < count; r++) part[r][0] = part[r][1] = _mm512_setzero_ps();
    if (registers) {
        CAIRN_UNROLL
        for (int r = 0; r < count; r++)
            CAIRN_UNROLL
            for (int j = 0; j < 8; j++)
                part[r][j % 2] = accumulate(part[r][j % 2], registers[j], load_floats(row[r], 16 * j, scalar), metric);
    } else {
        size_t i = 0;
        for (; i + 32 <= dimensions; i += 32)
            CAIRN_UNROLL
            for (int j = 0; j < 2; j++) {
                __m512 q = load_floats(query, i + 16 * j, CAIRN_F32);
                CAIRN_UNROLL
                for (int r = 0; r < count; r++)
                    part[r][j] = accumulate(part[r][j], q, load_floats(row[r], i + 16 * j, scalar), metric);
            }
        for (; i < dimensions; i += 16) {
            __mmask16 mask = dimensions - i < 16 ? (__mmask16)((1u << (dimensions - i)) - 1) : (__mmask16)0xFFFF;
            __m512 q = load_last_floats(query, i, mask, CAIRN_F32);
            CAIRN_UNROLL
            for (int r = 0; r < count; r++)
                part[r][0] = accumulate(part[r][0], q, load_last_floats(row[r], i, mask, scalar), metric);
        }
    }
    CAIRN_UNROLL
    for (int r = 0; r < count; r++) sums[r] = _mm512_add_ps(part[r][0], part[r][1]);
}

INLINE void float_group(const cairn_rows *rows, const char *query, const __m512 *registers, const uint32_t *ids,
                        int count, float *out, cairn_metric metric, cairn_scalar scalar) {
    const char *row[LARGEST_GROUP];
    __m512 sums[LARGEST_GROUP];
    CAIRN_UNROLL
    for (int r = 0; r < count; r++) row[r] = row_at(rows, ids[r]);
    sum_floats(query, registers, row, rows->dimensions, count, sums, metric, scalar);
    if (count < 4) {
        CAIRN_UNROLL
        for (int r = 0; r < count; r++) out[r] = metric == CAIRN_L2 ? total(sums[r]) : negated(total(sums[r]));
        return;
    }
    CAIRN_UNROLL
    for (int r = 0; r < count; r += 4) {
        __m128 totals = four_totals(sums + r);
        _mm_storeu_ps(out + r, metric == CAIRN_L2 ? totals : _mm_sub_ps(_mm_setzero_ps(), totals));
    }
}

INLINE void float_distances(const cairn_rows *rows, const char *query, const uint32_t *ids, size_t n, float *out,
                            cairn_metric metric, cairn_scalar scalar, int is_128) {
    __m512 loaded[8];
    const __m512 *registers = NULL;
    if (is_128) {
        CAIRN_UNROLL
        for (int j = 0; j < 8; j++) loaded[j] = load_floats(query, 16 * j, CAIRN_F32);
        registers = loaded;
    }
    if (!is_128)
        for (; n >= 8; n -= 8, ids += 8, out += 8) float_group(rows, query, registers, ids, 8, out, metric, scalar);
    for (; n >= 4; n -= 4, ids += 4, out += 4) float_group(rows, query, registers, ids, 4, out, metric, scalar);
    for (; n >= 2; n -= 2, ids += 2, out += 2) float_group(rows, query, registers, ids, 2, out, metric, scalar);
    if (n) float_group(rows, query, registers, ids, 1, out, metric, scalar);
}

// MARK: u8 and i8
//
// L2 widens to 16 bits, where differences fit, and squares with VPDPWSSD. Products go through VPDPBUSD, which
// multiplies unsigned by signed bytes, so that a row's bytes x have to be moved by 128 (their top bit flipped):
//   u8:  sum(q x) = sum(q (x - 128)) + 128 sum(q)        i8:  sum(q x) = sum((x + 128) q) - 128 sum(q)
// All of it modulo 2^32, which the true totals fit in.

INLINE __m512i widened(const char *bytes, cairn_scalar scalar) {
    __m256i narrow = _mm256_loadu_si256((const void *)bytes);
    return scalar == CAIRN_U8 ? _mm512_cvtepu8_epi16(narrow) : _mm512_cvtepi8_epi16(narrow);
}

INLINE __m512i last_widened(const char *bytes, __mmask32 mask, cairn_scalar scalar) {
    __m256i narrow = _mm256_maskz_loadu_epi8(mask, bytes);
    return scalar == CAIRN_U8 ? _mm512_cvtepu8_epi16(narrow) : _mm512_cvtepi8_epi16(narrow);
}

INLINE __m512i add_squares(__m512i sum, __m512i query, __m512i row) {
    __m512i difference = _mm512_sub_epi16(query, row);
    return _mm512_dpwssd_epi32(sum, difference, difference);
}

/// `registers`: the query in four registers of 16-bit integers if the dimensions are 128, else NULL.
INLINE void sum_squares(const char *query, const __m512i *registers, const char *const *row, size_t dimensions,
                        int count, __m512i *sums, cairn_scalar scalar) {
    CAIRN_UNROLL
    for (int r = 0; r < count; r++) sums[r] = _mm512_setzero_si512();
    if (registers) {
        CAIRN_UNROLL
        for (int r = 0; r < count; r++)
            CAIRN_UNROLL
            for (int j = 0; j < 4; j++)
                sums[r] = add_squares(sums[r], registers[j], widened(row[r] + 32 * j, scalar));
        return;
    }
    __m512i odd[LARGEST_GROUP];
    CAIRN_UNROLL
    for (int r = 0; r < count; r++) odd[r] = _mm512_setzero_si512();
    size_t i = 0;
    for (; i + 64 <= dimensions; i += 64) {
        __m512i q0 = widened(query + i, scalar), q1 = widened(query + i + 32, scalar);
        CAIRN_UNROLL
        for (int r = 0; r < count; r++) {
            sums[r] = add_squares(sums[r], q0, widened(row[r] + i, scalar));
            odd[r] = add_squares(odd[r], q1, widened(row[r] + i + 32, scalar));
        }
    }
    for (; i < dimensions; i += 32) {
        __mmask32 mask = dimensions - i < 32 ? (1u << (dimensions - i)) - 1 : 0xFFFFFFFFu;
        __m512i q = last_widened(query + i, mask, scalar);
        CAIRN_UNROLL
        for (int r = 0; r < count; r++) sums[r] = add_squares(sums[r], q, last_widened(row[r] + i, mask, scalar));
    }
    CAIRN_UNROLL
    for (int r = 0; r < count; r++) sums[r] = _mm512_add_epi32(sums[r], odd[r]);
}

INLINE __m512i add_products(__m512i sum, __m512i query, __m512i row, cairn_scalar scalar) {
    __m512i moved = _mm512_xor_si512(row, _mm512_set1_epi8((char)0x80));
    return scalar == CAIRN_U8 ? _mm512_dpbusd_epi32(sum, query, moved) : _mm512_dpbusd_epi32(sum, moved, query);
}

INLINE __mmask64 first_bytes(size_t count) { return count < 64 ? ((__mmask64)1 << count) - 1 : ~(__mmask64)0; }

/// `registers`: the query in two registers if the dimensions are 128, else NULL.
INLINE void sum_products(const char *query, const __m512i *registers, const char *const *row, size_t dimensions,
                         int count, __m512i *sums, cairn_scalar scalar) {
    CAIRN_UNROLL
    for (int r = 0; r < count; r++) sums[r] = _mm512_setzero_si512();
    if (registers) {
        CAIRN_UNROLL
        for (int r = 0; r < count; r++)
            CAIRN_UNROLL
            for (int j = 0; j < 2; j++)
                sums[r] = add_products(sums[r], registers[j], _mm512_loadu_si512(row[r] + 64 * j), scalar);
        return;
    }
    size_t i = 0;
    for (; i + 64 <= dimensions; i += 64) {
        __m512i q = _mm512_loadu_si512(query + i);
        CAIRN_UNROLL
        for (int r = 0; r < count; r++) sums[r] = add_products(sums[r], q, _mm512_loadu_si512(row[r] + i), scalar);
    }
    if (i < dimensions) {
        __mmask64 mask = first_bytes(dimensions - i);
        __m512i q = _mm512_maskz_loadu_epi8(mask, query + i);
        CAIRN_UNROLL
        for (int r = 0; r < count; r++)
            sums[r] = add_products(sums[r], q, _mm512_maskz_loadu_epi8(mask, row[r] + i), scalar);
    }
}

/// What `add_products` is short of: 128 times the sum of the query.
INLINE uint32_t product_correction(const char *query, size_t dimensions, cairn_scalar scalar) {
    __m512i sum = _mm512_setzero_si512(), ones = _mm512_set1_epi8(1);
    for (size_t i = 0; i < dimensions; i += 64) {
        __m512i q = _mm512_maskz_loadu_epi8(first_bytes(dimensions - i), query + i);
        sum = scalar == CAIRN_U8 ? _mm512_dpbusd_epi32(sum, q, ones) : _mm512_dpbusd_epi32(sum, ones, q);
    }
    uint32_t moved = 128 * (uint32_t)_mm512_reduce_add_epi32(sum);
    return scalar == CAIRN_U8 ? moved : 0u - moved;
}

typedef struct integer_query {
    const char *bytes;
    const __m512i *registers;
    uint32_t correction;
    float norm;
} integer_query;

INLINE void integer_group(const cairn_rows *rows, integer_query query, const uint32_t *ids, int count, float *out,
                          cairn_metric metric, cairn_scalar scalar) {
    const char *row[LARGEST_GROUP];
    __m512i sums[LARGEST_GROUP];
    CAIRN_UNROLL
    for (int r = 0; r < count; r++) row[r] = row_at(rows, ids[r]);
    if (metric == CAIRN_L2) sum_squares(query.bytes, query.registers, row, rows->dimensions, count, sums, scalar);
    else sum_products(query.bytes, query.registers, row, rows->dimensions, count, sums, scalar);
    uint32_t totals[LARGEST_GROUP];
    if (count < 4)
        CAIRN_UNROLL
        for (int r = 0; r < count; r++) totals[r] = (uint32_t)_mm512_reduce_add_epi32(sums[r]) + query.correction;
    else
        CAIRN_UNROLL
        for (int r = 0; r < count; r += 4) {
            __m128i four = _mm_add_epi32(four_integer_totals(sums + r), _mm_set1_epi32((int)query.correction));
            if (metric == CAIRN_COSINE) {
                _mm_storeu_si128((void *)(totals + r), four);
                continue;
            }
            int is_signed = scalar == CAIRN_I8 && metric != CAIRN_L2;
            __m128 values = is_signed ? _mm_cvtepi32_ps(four) : _mm_cvtepu32_ps(four);
            _mm_storeu_ps(out + r, metric == CAIRN_L2 ? values : _mm_sub_ps(_mm_setzero_ps(), values));
        }
    if (count < 4 || metric == CAIRN_COSINE)
        CAIRN_UNROLL
        for (int r = 0; r < count; r++)
            out[r] = integer_distance(metric, scalar, totals[r], query.norm, rows, ids[r]);
}

INLINE void integer_distances(const cairn_rows *rows, const char *bytes, float norm, const uint32_t *ids, size_t n,
                              float *out, cairn_metric metric, cairn_scalar scalar, int is_128) {
    __m512i loaded[4];
    integer_query query = { bytes, NULL, 0, norm };
    prefetch_norms(metric, rows, ids, n);
    if (is_128) {
        CAIRN_UNROLL
        for (int j = 0; j < 4; j++)
            if (metric == CAIRN_L2) loaded[j] = widened(bytes + 32 * j, scalar);
            else if (j < 2) loaded[j] = _mm512_loadu_si512(bytes + 64 * j);
        query.registers = loaded;
    }
    if (metric != CAIRN_L2) query.correction = product_correction(bytes, is_128 ? 128 : rows->dimensions, scalar);
    if (!is_128)
        for (; n >= 8; n -= 8, ids += 8, out += 8) integer_group(rows, query, ids, 8, out, metric, scalar);
    for (; n >= 4; n -= 4, ids += 4, out += 4) integer_group(rows, query, ids, 4, out, metric, scalar);
    for (; n >= 2; n -= 2, ids += 2, out += 2) integer_group(rows, query, ids, 2, out, metric, scalar);
    if (n) integer_group(rows, query, ids, 1, out, metric, scalar);
}

// MARK: The pool's search and half precision

TARGET static uint32_t count_less(const uint64_t *keys, uint32_t n, uint64_t key) {
    const uint64_t *first = keys;
    n = narrow(&first, n, key, 128);
    __m512i wanted = _mm512_set1_epi64((long long)key);
    uint32_t count = (uint32_t)(first - keys), i = 0;
    for (; i + 8 <= n; i += 8)
        count += (uint32_t)__builtin_popcount(_mm512_cmplt_epu64_mask(_mm512_loadu_si512(first + i), wanted));
    __mmask8 mask = (__mmask8)((1u << (n - i)) - 1);
    __m512i last = _mm512_maskz_loadu_epi64(mask, first + i);
    return count + (uint32_t)__builtin_popcount(_mm512_mask_cmplt_epu64_mask(mask, last, wanted));
}

TARGET static void f16_to_f32(const uint16_t *from, float *to, size_t n) {
    for (; n >= 16; n -= 16, from += 16, to += 16)
        _mm512_storeu_ps(to, _mm512_cvtph_ps(_mm256_loadu_si256((const void *)from)));
    __mmask16 mask = (__mmask16)((1u << n) - 1);
    _mm512_mask_storeu_ps(to, mask, _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, from)));
}

TARGET static void f32_to_f16(const float *from, uint16_t *to, size_t n) {
    enum { ROUNDING = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC };
    for (; n >= 16; n -= 16, from += 16, to += 16)
        _mm256_storeu_si256((void *)to, _mm512_cvtps_ph(_mm512_loadu_ps(from), ROUNDING));
    __mmask16 mask = (__mmask16)((1u << n) - 1);
    _mm256_mask_storeu_epi16(to, mask, _mm512_cvtps_ph(_mm512_maskz_loadu_ps(mask, from), ROUNDING));
}

// MARK: The table

#define FLOAT(name, metric, scalar, is_128)                                                                            \
    TARGET static void name(const cairn_rows *rows, const void *query, float query_norm, const uint32_t *ids,          \
                            size_t n, float *out) {                                                                    \
        (void)query_norm;                                                                                              \
        float_distances(rows, query, ids, n, out, metric, scalar, is_128);                                             \
    }
#define INTEGER(name, metric, scalar, is_128)                                                                          \
    TARGET static void name(const cairn_rows *rows, const void *query, float query_norm, const uint32_t *ids,          \
                            size_t n, float *out) {                                                                    \
        integer_distances(rows, query, query_norm, ids, n, out, metric, scalar, is_128);                               \
    }
#define BOTH(kind, name, metric, scalar) kind(name, metric, scalar, 0) kind(name##_128, metric, scalar, 1)

BOTH(FLOAT, l2_f32, CAIRN_L2, CAIRN_F32)
BOTH(FLOAT, l2_f16, CAIRN_L2, CAIRN_F16)
BOTH(INTEGER, l2_u8, CAIRN_L2, CAIRN_U8)
BOTH(INTEGER, l2_i8, CAIRN_L2, CAIRN_I8)
BOTH(FLOAT, product_f32, CAIRN_INNER_PRODUCT, CAIRN_F32)
BOTH(FLOAT, product_f16, CAIRN_INNER_PRODUCT, CAIRN_F16)
BOTH(INTEGER, product_u8, CAIRN_INNER_PRODUCT, CAIRN_U8)
BOTH(INTEGER, product_i8, CAIRN_INNER_PRODUCT, CAIRN_I8)
BOTH(INTEGER, cosine_u8, CAIRN_COSINE, CAIRN_U8)
BOTH(INTEGER, cosine_i8, CAIRN_COSINE, CAIRN_I8)

const kernel_table cairn_avx512_kernels = {
    .distances = { { l2_f32, l2_f16, l2_u8, l2_i8 },
                   { product_f32, product_f16, product_u8, product_i8 },
                   { product_f32, product_f16, cosine_u8, cosine_i8 } },
    .distances_128 = { { l2_f32_128, l2_f16_128, l2_u8_128, l2_i8_128 },
                       { product_f32_128, product_f16_128, product_u8_128, product_i8_128 },
                       { product_f32_128, product_f16_128, cosine_u8_128, cosine_i8_128 } },
    .codes = &cairn_avx512_codes,
    .count_less = count_less,
    .f16_to_f32 = f16_to_f32,
    .f32_to_f16 = f32_to_f16,
};
#endif
