#include "kernel_table.h"

void cairn_f16_to_f32(const uint16_t *from, float *to, size_t n) { cairn_kernels()->f16_to_f32(from, to, n); }
void cairn_f32_to_f16(const float *from, uint16_t *to, size_t n) { cairn_kernels()->f32_to_f16(from, to, n); }
