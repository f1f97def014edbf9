/// Distances from a query to rows of quantized codes, and the quantization of queries and rows. As in cairn_kernels.h,
/// nothing here allocates, locks or fails, and CAIRN_KERNELS chooses the instruction set.
#pragma once
#include "cairn_kernels.h"

/// How a row of a code column holds its dimensions.
///   CAIRN_CODE_8: one byte each, padded to a multiple of 64.
///   CAIRN_CODE_4: blocks of 128 dimensions in 64 bytes; byte j of a block holds dimension j in its low and dimension
///                 64 + j in its high four bits.
/// Padding has code 0.
typedef enum cairn_code { CAIRN_CODE_8 = 0, CAIRN_CODE_4 = 1 } cairn_code;

/// A query in the form the code kernels take. `values` has as many entries as a row has codes, padding included.
/// With row[j] the j-th code (8-bit) or levels[j-th code] (4-bit), a kernel computes
///   L2:       offset + scale * sum((values[j] - row[j])^2), the values being u8 positions on the codes' own grid
///   products: offset + scale * sum(values[j] * row[j]),     the values being i8 and never -128
/// Levels are 0...127, and so are the values for L2 with 4-bit codes. The values of padding are levels[0] for L2 with
/// 4-bit codes, else 0: so padding adds nothing (products: because the value is 0).
typedef struct cairn_code_query {
    float scale, offset;
    uint8_t levels[16];  ///< read with 4-bit codes only
    uint8_t unused[40];
    uint8_t values[];    ///< from byte 64 on; i8 for products
} cairn_code_query;

/// The kernel for rows of `code`: a cairn_distances_fn whose `query` is a cairn_code_query, whose rows->dimensions is
/// the padded number of codes, and which looks neither at query_norm nor at rows->norms. `metric` is CAIRN_L2, or
/// CAIRN_INNER_PRODUCT for products; `dimensions`, the padded number again, selects an unrolled variant where there is
/// one. Sums are exact up to 65,536 dimensions, and the addition of `offset` is never fused with the multiplication,
/// so that all levels agree to the bit. Nothing outside the rows and the query is read; both may start at any address.
cairn_distances_fn cairn_code_distances(cairn_metric metric, cairn_code code, size_t dimensions);
/// The same at one level; NULL if this machine does not run it.
cairn_distances_fn cairn_code_distances_at(cairn_level level, cairn_metric metric, cairn_code code, size_t dimensions);

// The same bits come out of the following on every machine.

/// to[i] = (from[i] - low) * scale, rounded to the nearest integer (ties to even) and clamped to 0...maximum, which is
/// at most 255. NaN (also that of infinity - infinity and infinity * 0) gives 0.
void cairn_quantize_u8(const float *from, uint8_t *to, size_t n, float low, float scale, int maximum);
/// What those positions lose: the sum of the squares of from[i] - (low + positions[i] * step). `beyond` becomes the sum
/// of the squares of how far the components lie outside low...high.
float cairn_grid_loss(const float *from, const uint8_t *positions, size_t n, float low, float step, float high,
                      float *beyond);
/// to[i] = from[i] * (127 / largest), rounded to the nearest integer (ties to even), `largest` being the largest
/// magnitude. Returns what one unit stands for, largest / 127: 0 for a vector of zeros, which gives zeros. NaN counts
/// as 0 and an infinity as the largest finite float of its sign.
float cairn_quantize_i8(const float *from, int8_t *to, size_t n);
/// Packs n positions of 0...127 (n a multiple of 128) into n / 2 bytes of 4-bit codes: code_of[position] is 0...15.
void cairn_pack_4(const uint8_t *positions, const uint8_t *code_of, uint8_t *to, size_t n);
