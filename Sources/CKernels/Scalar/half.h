/// Half precision in integer arithmetic, for machines (and the scalar level) without conversion instructions. Every bit
/// of the result is what x86 F16C and Arm FCVT give, NaN payloads included, so that files do not depend on the machine.
#pragma once
#include <stdint.h>
#include <string.h>

static inline float half_to_float(uint16_t half) {
    uint32_t magnitude = half & 0x7FFF, bits;
    if (magnitude >= 0x7C00) {
        bits = 0x7F800000 | (magnitude & 0x3FF) << 13;
        if (magnitude > 0x7C00) bits |= 0x00400000;  // a signalling NaN becomes quiet
    } else if (magnitude >= 0x0400) {
        bits = (magnitude << 13) + ((127 - 15) << 23);
    } else {
        float subnormal = (float)magnitude * 0x1p-24f;
        memcpy(&bits, &subnormal, sizeof bits);
    }
    bits |= (uint32_t)(half & 0x8000) << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint16_t float_to_half(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t magnitude = bits & 0x7FFFFFFF, half;
    if (magnitude > 0x7F800000) {
        half = 0x7E00 | (magnitude >> 13 & 0x1FF);
    } else if (magnitude >= 0x477FF000) {  // 65,520: half way from the largest half to what would come next
        half = 0x7C00;
    } else if (magnitude >= 0x38800000) {  // 2^-14, the smallest normal half
        half = (magnitude - ((127 - 15) << 23) + 0xFFF + (magnitude >> 13 & 1)) >> 13;
    } else {
        // The last bit of floats in [0.5, 1) is worth 2^-24, as that of subnormal halves: let the addition round.
        float shifted;
        memcpy(&shifted, &magnitude, sizeof shifted);
        shifted += 0.5f;
        memcpy(&half, &shifted, sizeof half);
        half -= 0x3F000000;
    }
    return (uint16_t)(half | (bits >> 16 & 0x8000));
}
