/// What the AVX2 kernels of integer rows and of code rows share.
#pragma once
#include "kernel_table.h"
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma,f16c,popcnt")))
#define INLINE CAIRN_ALWAYS_INLINE TARGET

// Sums across lanes, modulo 2^32.

INLINE uint32_t integer_total(__m256i sums) {
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4E));
    return (uint32_t)_mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xB1)));
}

INLINE void four_integer_totals(const __m256i *sums, uint32_t *totals) {
    __m256i s = _mm256_hadd_epi32(_mm256_hadd_epi32(sums[0], sums[1]), _mm256_hadd_epi32(sums[2], sums[3]));
    _mm_storeu_si128((void *)totals, _mm_add_epi32(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1)));
}
