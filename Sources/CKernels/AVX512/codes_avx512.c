/// Code kernels for AVX-512 with VNNI. Rows are taken in groups, as in avx512.c. VPDPBUSD multiplies unsigned by signed
/// bytes, adds four neighbouring products to a 32-bit lane and never saturates, so everything here is modulo 2^32,
/// which the totals fit in.
///
/// Products take it as it is. Squared differences q - x are had from it without the differences themselves:
///   4-bit: q and x are below 128, so that they are signed bytes as well:   x x - 2 q x + q q
///   8-bit: with the signed x' = x - 128 and q' = q - 128 (top bits flipped), (x - q) (x' - q') is
///          x x' - x q' - q x' + q q'
/// Each row has one register for what is added and one for what is subtracted; the first begins with the sum of q q',
/// found once per call.
#if defined(__x86_64__)
#include "avx512_integers.h"
#include "codes.h"

#define LARGEST_GROUP 8

/// What is the same for all rows of a call. `values` and `flipped` are the query if the dimensions are 128.
typedef struct prepared {
    code_query query;
    __m512i levels, start, values[2], flipped[2];
} prepared;

INLINE __m512i flipped(__m512i bytes) { return _mm512_xor_si512(bytes, _mm512_set1_epi8((char)0x80)); }

INLINE __m512i load(const uint8_t *bytes) { return _mm512_loadu_si512(bytes); }

typedef struct sums {
    __m512i plus[LARGEST_GROUP], minus[LARGEST_GROUP];
} sums;

/// Adds the terms of 64 dimensions: `x` are the row's codes or levels, `q` the query's values, `p` those flipped.
INLINE void add_terms(sums *sums, int r, __m512i x, __m512i q, __m512i p, cairn_metric metric, cairn_code code) {
    if (metric != CAIRN_L2) {
        sums->plus[r] = _mm512_dpbusd_epi32(sums->plus[r], x, q);
    } else if (code == CAIRN_CODE_4) {
        sums->plus[r] = _mm512_dpbusd_epi32(sums->plus[r], x, x);
        sums->minus[r] = _mm512_dpbusd_epi32(sums->minus[r], x, q);
    } else {
        __m512i y = flipped(x);
        sums->plus[r] = _mm512_dpbusd_epi32(sums->plus[r], x, y);
        sums->minus[r] = _mm512_dpbusd_epi32(sums->minus[r], x, p);
        sums->minus[r] = _mm512_dpbusd_epi32(sums->minus[r], q, y);
    }
}

INLINE __m512i low_levels(__m512i levels, __m512i codes) {
    return _mm512_shuffle_epi8(levels, _mm512_and_si512(codes, _mm512_set1_epi8(15)));
}

INLINE __m512i high_levels(__m512i levels, __m512i codes) {
    return low_levels(levels, _mm512_srli_epi16(codes, 4));
}

INLINE void code_group(const cairn_rows *rows, const prepared *all, const uint32_t *ids, int count, float *out,
                       cairn_metric metric, cairn_code code, int is_128) {
    const uint8_t *row[LARGEST_GROUP];
    sums sums;
    CAIRN_UNROLL
    for (int r = 0; r < count; r++) {
        row[r] = code_row_at(rows, ids[r]);
        sums.plus[r] = all->start;
        sums.minus[r] = _mm512_setzero_si512();
    }
    if (is_128) {
        CAIRN_UNROLL
        for (int r = 0; r < count; r++) {
            __m512i x = load(row[r]), y;
            if (code == CAIRN_CODE_8) {
                y = load(row[r] + 64);
            } else {
                y = high_levels(all->levels, x);
                x = low_levels(all->levels, x);
            }
            add_terms(&sums, r, x, all->values[0], all->flipped[0], metric, code);
            add_terms(&sums, r, y, all->values[1], all->flipped[1], metric, code);
        }
    } else if (code == CAIRN_CODE_8) {
        for (size_t i = 0; i < rows->dimensions; i += 64) {
            __m512i q = load(all->query.values + i), p = flipped(q);
            CAIRN_UNROLL
            for (int r = 0; r < count; r++) add_terms(&sums, r, load(row[r] + i), q, p, metric, code);
        }
    } else {
        for (size_t i = 0; i < rows->dimensions; i += 128) {
            __m512i q0 = load(all->query.values + i), q1 = load(all->query.values + i + 64);
            CAIRN_UNROLL
            for (int r = 0; r < count; r++) {
                __m512i codes = load(row[r] + i / 2);
                add_terms(&sums, r, low_levels(all->levels, codes), q0, q0, metric, code);
                add_terms(&sums, r, high_levels(all->levels, codes), q1, q1, metric, code);
            }
        }
    }
    if (metric == CAIRN_L2) {
        CAIRN_UNROLL
        for (int r = 0; r < count; r++) {
            __m512i minus = code == CAIRN_CODE_4 ? _mm512_slli_epi32(sums.minus[r], 1) : sums.minus[r];
            sums.plus[r] = _mm512_sub_epi32(sums.plus[r], minus);
        }
    }
    if (count < 4) {
        CAIRN_UNROLL
        for (int r = 0; r < count; r++)
            out[r] = code_distance(all->query, (uint32_t)_mm512_reduce_add_epi32(sums.plus[r]), metric);
        return;
    }
    CAIRN_UNROLL
    for (int r = 0; r < count; r += 4) {
        __m128i totals = four_integer_totals(sums.plus + r);
        __m128 values = metric == CAIRN_L2 ? _mm_cvtepu32_ps(totals) : _mm_cvtepi32_ps(totals);
        __m128 product = _mm_mul_ps(_mm_set1_ps(all->query.scale), values);
        ROUND_PRODUCT(product);
        _mm_storeu_ps(out + r, _mm_add_ps(_mm_set1_ps(all->query.offset), product));
    }
}

INLINE prepared prepare(code_query query, size_t dimensions, cairn_metric metric, cairn_code code, int is_128) {
    prepared all = { .query = query, .start = _mm512_setzero_si512() };
    if (code == CAIRN_CODE_4) all.levels = _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)query.levels));
    if (is_128) {
        CAIRN_UNROLL
        for (int j = 0; j < 2; j++) {
            all.values[j] = load(query.values + 64 * j);
            all.flipped[j] = flipped(all.values[j]);
        }
    }
    if (metric == CAIRN_L2)
        for (size_t i = 0; i < (is_128 ? 128 : dimensions); i += 64) {
            __m512i q = load(query.values + i);
            all.start = _mm512_dpbusd_epi32(all.start, q, code == CAIRN_CODE_4 ? q : flipped(q));
        }
    return all;
}

INLINE void code_distances(const cairn_rows *rows, code_query query, const uint32_t *ids, size_t n, float *out,
                           cairn_metric metric, cairn_code code, int is_128) {
    prepared all = prepare(query, rows->dimensions, metric, code, is_128);
    for (; n >= 8; n -= 8, ids += 8, out += 8) code_group(rows, &all, ids, 8, out, metric, code, is_128);
    for (; n >= 4; n -= 4, ids += 4, out += 4) code_group(rows, &all, ids, 4, out, metric, code, is_128);
    for (; n >= 2; n -= 2, ids += 2, out += 2) code_group(rows, &all, ids, 2, out, metric, code, is_128);
    if (n) code_group(rows, &all, ids, 1, out, metric, code, is_128);
}

#define BOTH(name, metric, code)                                                                                       \
    CODE_KERNEL(name, metric, code, 0, TARGET) CODE_KERNEL(name##_128, metric, code, 1, TARGET)

BOTH(l2_8, CAIRN_L2, CAIRN_CODE_8)
BOTH(l2_4, CAIRN_L2, CAIRN_CODE_4)
BOTH(product_8, CAIRN_INNER_PRODUCT, CAIRN_CODE_8)
BOTH(product_4, CAIRN_INNER_PRODUCT, CAIRN_CODE_4)

const code_table cairn_avx512_codes = {
    .distances = { { l2_8, l2_4 }, { product_8, product_4 } },
    .distances_128 = { { l2_8_128, l2_4_128 }, { product_8_128, product_4_128 } },
};
#endif
