/// Floats to codes. Loops of plain C that compilers turn into vector instructions every machine of an architecture has:
/// the rounding is IEEE addition, so nothing depends on a rounding instruction or on fused multiplication.
#include "cairn_code_kernels.h"
#include <string.h>

static inline uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

void cairn_quantize_u8(const float *from, uint8_t *to, size_t n, float low, float scale, int maximum) {
    float highest = (float)maximum;
    for (size_t i = 0; i < n; i++) {
        float value = (from[i] - low) * scale;
        value = value > 0 ? value : 0;  // NaN too
        value = value < highest ? value : highest;
        // The last bit of floats in [2^23, 2^24) is worth 1: the addition rounds.
        to[i] = (uint8_t)bits_of(value + 0x1p23f);
    }
}

/// The value that counts for a float: NaN as 0, infinities as the largest float.
static inline uint32_t counted_bits(float value) {
    uint32_t bits = bits_of(value), magnitude = bits & 0x7FFFFFFF;
    uint32_t finite = (int32_t)magnitude > 0x7F7FFFFF ? 0x7F7FFFFF : magnitude;
    return (int32_t)magnitude > 0x7F800000 ? 0 : finite | (bits & 0x80000000);
}

float cairn_quantize_i8(const float *from, int8_t *to, size_t n) {
    // Magnitudes have the order of their bits, as integers, which are what compilers vectorize the maximum of.
    int32_t largest_bits = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t magnitude = (int32_t)(counted_bits(from[i]) & 0x7FFFFFFF);
        largest_bits = magnitude > largest_bits ? magnitude : largest_bits;
    }
    float largest = float_of((uint32_t)largest_bits);
    if (largest == 0) {
        memset(to, 0, n);
        return 0;
    }
    // 127 / largest must not be infinite: tiny vectors are made larger, exactly.
    float lift = largest < 0x1p-100f ? 0x1p100f : 1;
    float inverse = 127 / (largest * lift);
    for (size_t i = 0; i < n; i++) {
        float value = float_of(counted_bits(from[i])) * lift * inverse;
        // What rounding brought above 127. It also keeps compilers from fusing the product with the addition.
        value = value < 127 ? value : 127;
        to[i] = (int8_t)bits_of(value + 0x1.8p23f);  // for both signs
    }
    return largest / 127;
}

void cairn_pack_4(const uint8_t *positions, const uint8_t *code_of, uint8_t *to, size_t n) {
    for (size_t i = 0; i < n; i += 128)
        for (size_t j = 0; j < 64; j++)
            to[i / 2 + j] = (uint8_t)(code_of[positions[i + j]] | code_of[positions[i + 64 + j]] << 4);
}
