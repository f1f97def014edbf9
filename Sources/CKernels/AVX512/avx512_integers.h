/// What the AVX-512 kernels of integer rows and of code rows share.
#pragma once
#include "kernel_table.h"
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c,popcnt")))
#define INLINE CAIRN_ALWAYS_INLINE TARGET

INLINE __m512i integer_halves_added(__m512i a, __m512i b) {
    return _mm512_add_epi32(_mm512_shuffle_i32x4(a, b, 0x44), _mm512_shuffle_i32x4(a, b, 0xEE));
}

/// The sums of four registers, modulo 2^32.
INLINE __m128i four_integer_totals(const __m512i *sums) {
    __m512i ab = integer_halves_added(sums[0], sums[1]), cd = integer_halves_added(sums[2], sums[3]);
    __m512i s = _mm512_add_epi32(_mm512_shuffle_i32x4(ab, cd, 0x88), _mm512_shuffle_i32x4(ab, cd, 0xDD));
    s = _mm512_add_epi32(s, _mm512_shuffle_epi32(s, _MM_PERM_BADC));
    s = _mm512_add_epi32(s, _mm512_shuffle_epi32(s, _MM_PERM_CDAB));
    return _mm512_castsi512_si128(_mm512_maskz_compress_epi32(0x1111, s));
}
