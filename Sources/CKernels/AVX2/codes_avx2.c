/// Code kernels for AVX2. Rows are taken in groups, as in avx2.c. 4-bit codes stand for levels below 128, so that the
/// pairs of products VPMADDUBSW adds fit its 16 bits; 8-bit codes have to be widened first.
#if defined(__x86_64__)
#include "avx2_integers.h"
#include "codes.h"

#define LARGEST_GROUP 4

INLINE __m256i load(const uint8_t *bytes) { return _mm256_loadu_si256((const void *)bytes); }

INLINE __m256i widened(const uint8_t *bytes, int is_signed) {
    __m128i narrow = _mm_loadu_si128((const void *)bytes);
    return is_signed ? _mm256_cvtepi8_epi16(narrow) : _mm256_cvtepu8_epi16(narrow);
}

/// Adds the terms of 16 dimensions of 8-bit codes, widened.
INLINE __m256i add_wide_terms(__m256i sum, __m256i query, __m256i row, cairn_metric metric) {
    if (metric != CAIRN_L2) return _mm256_add_epi32(sum, _mm256_madd_epi16(query, row));
    __m256i difference = _mm256_sub_epi16(query, row);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(difference, difference));
}

/// Adds the terms of 32 dimensions of 4-bit codes: `codes` in the low four bits of bytes.
INLINE __m256i add_terms(__m256i sum, __m256i query, __m256i codes, __m256i levels, cairn_metric metric) {
    __m256i row = _mm256_shuffle_epi8(levels, _mm256_and_si256(codes, _mm256_set1_epi8(15)));
    if (metric == CAIRN_L2) row = query = _mm256_abs_epi8(_mm256_sub_epi8(query, row));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(row, query), _mm256_set1_epi16(1)));
}

/// `registers`: the query if the dimensions are 128 (eight registers if its values are widened, else four), else NULL.
INLINE void code_group(const cairn_rows *rows, code_query query, const __m256i *registers, __m256i levels,
                       const uint32_t *ids, int count, float *out, cairn_metric metric, cairn_code code) {
    const uint8_t *row[LARGEST_GROUP];
    __m256i sums[LARGEST_GROUP];
    int is_signed = metric != CAIRN_L2;
    CAIRN_UNROLL
    for (int r = 0; r < count; r++) {
        row[r] = code_row_at(rows, ids[r]);
        sums[r] = _mm256_setzero_si256();
    }
    if (registers && code == CAIRN_CODE_8) {
        CAIRN_UNROLL
        for (int r = 0; r < count; r++)
            CAIRN_UNROLL
            for (int j = 0; j < 8; j++)
                sums[r] = add_wide_terms(sums[r], registers[j], widened(row[r] + 16 * j, 0), metric);
    } else if (code == CAIRN_CODE_8) {
        for (size_t i = 0; i < rows->dimensions; i += 16) {
            __m256i q = widened(query.values + i, is_signed);
            CAIRN_UNROLL
            for (int r = 0; r < count; r++) sums[r] = add_wide_terms(sums[r], q, widened(row[r] + i, 0), metric);
        }
    } else {
        for (size_t i = 0; i < (registers ? 128 : rows->dimensions); i += 128)
            CAIRN_UNROLL
            for (int j = 0; j < 2; j++) {
                __m256i low = registers ? registers[j] : load(query.values + i + 32 * j);
                __m256i high = registers ? registers[2 + j] : load(query.values + i + 64 + 32 * j);
                CAIRN_UNROLL
                for (int r = 0; r < count; r++) {
                    __m256i codes = load(row[r] + i / 2 + 32 * j);
                    sums[r] = add_terms(sums[r], low, codes, levels, metric);
                    sums[r] = add_terms(sums[r], high, _mm256_srli_epi16(codes, 4), levels, metric);
                }
            }
    }
    uint32_t totals[LARGEST_GROUP];
    if (count == 4) four_integer_totals(sums, totals);
    else
        for (int r = 0; r < count; r++) totals[r] = integer_total(sums[r]);
    CAIRN_UNROLL
    for (int r = 0; r < count; r++) out[r] = code_distance(query, totals[r], metric);
}

INLINE void code_distances(const cairn_rows *rows, code_query query, const uint32_t *ids, size_t n, float *out,
                           cairn_metric metric, cairn_code code, int is_128) {
    __m256i loaded[8], levels = _mm256_setzero_si256();
    const __m256i *q = is_128 ? loaded : NULL;
    if (code == CAIRN_CODE_4) levels = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)query.levels));
    if (is_128) {
        CAIRN_UNROLL
        for (int j = 0; j < 8; j++)
            if (code == CAIRN_CODE_8) loaded[j] = widened(query.values + 16 * j, metric != CAIRN_L2);
            else if (j < 4) loaded[j] = load(query.values + 32 * j);
    }
    for (; n >= 4; n -= 4, ids += 4, out += 4) code_group(rows, query, q, levels, ids, 4, out, metric, code);
    for (; n >= 2; n -= 2, ids += 2, out += 2) code_group(rows, query, q, levels, ids, 2, out, metric, code);
    if (n) code_group(rows, query, q, levels, ids, 1, out, metric, code);
}

#define BOTH(name, metric, code)                                                                                       \
    CODE_KERNEL(name, metric, code, 0, TARGET) CODE_KERNEL(name##_128, metric, code, 1, TARGET)

BOTH(l2_8, CAIRN_L2, CAIRN_CODE_8)
BOTH(l2_4, CAIRN_L2, CAIRN_CODE_4)
BOTH(product_8, CAIRN_INNER_PRODUCT, CAIRN_CODE_8)
BOTH(product_4, CAIRN_INNER_PRODUCT, CAIRN_CODE_4)

const code_table cairn_avx2_codes = {
    .distances = { { l2_8, l2_4 }, { product_8, product_4 } },
    .distances_128 = { { l2_8_128, l2_4_128 }, { product_8_128, product_4_128 } },
};
#endif
