/// Floats to codes. Loops of plain C that compilers turn into vector instructions every machine of an architecture has:
/// the rounding is IEEE addition, so nothing depends on a rounding instruction or on fused multiplication.
#include "cairn_code_kernels.h"
#include <float.h>
#include <string.h>

// Products are rounded before something is added to them.
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

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

/// Adds the squares of what `count` components lose, at most sixteen, and of how far they lie outside low...high.
static inline void add_loss(const float *from, const uint8_t *positions, size_t count, const float grid[3],
                            float lost[16], float outside[16]) {
    const float low = grid[0], step = grid[1], high = grid[2];
    for (size_t j = 0; j < count; j++) {
        float value = from[j], difference = value - (low + (float)positions[j] * step);
        float below = low - value, above = value - high;
        float out = below > above ? below : above;
        out = out > 0 ? out : 0;
        lost[j] += difference * difference;
        outside[j] += out * out;
    }
}

float cairn_grid_loss(const float *from, const uint8_t *positions, size_t n, float low, float step, float high,
                      float *beyond) {
    // In sixteen parts, because compilers do not reorder sums of floats.
    const float grid[3] = { low, step, high };
    float lost[16] = { 0 }, outside[16] = { 0 };
    size_t i = 0;
    for (; i + 16 <= n; i += 16) add_loss(from + i, positions + i, 16, grid, lost, outside);
    add_loss(from + i, positions + i, n - i, grid, lost, outside);
    for (size_t width = 8; width > 0; width /= 2)
        for (size_t j = 0; j < width; j++) {
            lost[j] += lost[j + width];
            outside[j] += outside[j + width];
        }
    *beyond = outside[0];
    return lost[0];
}

/// The largest magnitude, at most the largest float; NaNs are passed over. In sixteen parts, because compilers do not
/// reorder comparisons of floats.
static float largest_magnitude(const float *from, size_t n) {
    float part[16] = { 0 }, largest = 0;
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (size_t j = 0; j < 16; j++) {
            float magnitude = float_of(bits_of(from[i + j]) & 0x7FFFFFFF);
            part[j] = magnitude > part[j] ? magnitude : part[j];
        }
    for (; i < n; i++) {
        float magnitude = float_of(bits_of(from[i]) & 0x7FFFFFFF);
        part[0] = magnitude > part[0] ? magnitude : part[0];
    }
    for (size_t j = 0; j < 16; j++) largest = part[j] > largest ? part[j] : largest;
    return largest < FLT_MAX ? largest : FLT_MAX;
}

float cairn_quantize_i8(const float *from, int8_t *to, size_t n) {
    float largest = largest_magnitude(from, n);
    if (largest == 0) {
        memset(to, 0, n);
        return 0;
    }
    // 127 / largest must not be infinite: tiny vectors are made larger, exactly.
    float lift = largest < 0x1p-100f ? 0x1p100f : 1;
    float inverse = 127 / (largest * lift);
    for (size_t i = 0; i < n; i++) {
        float value = from[i] * lift * inverse;
        value = value == value ? value : 0;  // NaN
        // Infinities, and what the roundings brought beyond 127. It also keeps compilers from fusing the product with
        // the addition.
        value = value < 127 ? value : 127;
        value = value > -127 ? value : -127;
        to[i] = (int8_t)bits_of(value + 0x1.8p23f);  // as above, for both signs
    }
    return largest / 127;
}

void cairn_pack_4(const uint8_t *positions, const uint8_t *code_of, uint8_t *to, size_t n) {
    for (size_t i = 0; i < n; i += 128)
        for (size_t j = 0; j < 64; j++)
            to[i / 2 + j] = (uint8_t)(code_of[positions[i + j]] | code_of[positions[i + 64 + j]] << 4);
}
