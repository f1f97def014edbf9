/// The kernels of quantized codes against the definition, and quantization against what other machines give.
#include "check.h"

enum { LARGEST = 65536, ROWS = 5, LARGEST_COUNT = 41 };

static int random_value(cairn_metric metric, cairn_code code) {
    if (metric != CAIRN_L2) return (int)(next_random() % 255) - 127;
    return (int)(next_random() % (code == CAIRN_CODE_8 ? 256 : 128));
}

/// The distance as the header defines it. A product of floats is exact in double precision: its conversion back rounds
/// once, and nothing is fused.
static float expected_distance(cairn_metric metric, cairn_code code, const cairn_code_query *query, const uint8_t *row,
                               size_t dimensions) {
    int64_t sum = 0;
    for (size_t i = 0; i < dimensions; i++) {
        uint8_t both = row[i / 128 * 64 + i % 64];
        int x = code == CAIRN_CODE_8 ? row[i] : query->levels[i % 128 < 64 ? both & 15 : both >> 4];
        int q = metric == CAIRN_L2 ? (int)query->values[i] : (int)(int8_t)query->values[i];
        sum += metric == CAIRN_L2 ? (q - x) * (q - x) : q * x;
    }
    volatile float product = (float)((double)query->scale * (double)(float)sum);
    return query->offset + product;
}

/// Rows and query end `gap` bytes before memory nobody may touch. `constant` is what all of a query's values and all
/// bytes of the rows are, or NULL for random ones.
static void check_distances(const code_table *kernels, const char *name, cairn_metric metric, cairn_code code,
                            size_t dimensions, size_t gap, size_t padding, const uint8_t *constant) {
    static char *row_end, *query_end;
    static cairn_code_query *query;
    if (!row_end) {
        row_end = guarded(ROWS * (LARGEST + 256));
        query_end = guarded(sizeof *query + LARGEST + 256);
        query = malloc(sizeof *query + LARGEST);
    }
    size_t row_bytes = code == CAIRN_CODE_8 ? dimensions : dimensions / 2, stride = row_bytes + padding;
    uint8_t *base = (uint8_t *)row_end - gap - (ROWS - 1) * stride - row_bytes;
    for (size_t i = 0; i < (ROWS - 1) * stride + row_bytes; i++)
        base[i] = constant ? constant[1] : (uint8_t)next_random();
    query->scale = (float)(next_random() % 100000 + 1) / 77777;
    query->offset = (float)(next_random() % 100000) / 13 - 3000;
    for (size_t i = 0; i < 16; i++) query->levels[i] = constant ? 127 : (uint8_t)(next_random() % 128);
    for (size_t i = 0; i < dimensions; i++)
        query->values[i] = constant ? constant[0] : (uint8_t)random_value(metric, code);
    size_t query_bytes = sizeof *query + dimensions;
    const char *placed = memcpy(query_end - gap - query_bytes, query, query_bytes);

    cairn_rows rows = { base, stride, dimensions, NULL };
    float expected[ROWS];
    for (size_t r = 0; r < ROWS; r++)
        expected[r] = expected_distance(metric, code, query, base + r * stride, dimensions);
    for (int variant = 0; variant < (dimensions == 128 ? 3 : 2); variant++) {
        cairn_distances_fn tested = variant == 0 ? kernels->distances[metric][code]
            : variant == 1                       ? cairn_scalar_kernels.codes->distances[metric][code]
                                                 : kernels->distances_128[metric][code];
        for (size_t n = 0; n < LARGEST_COUNT; n += dimensions > 1024 ? 7 : 1) {
            uint32_t ids[LARGEST_COUNT];
            float found[LARGEST_COUNT + 4];
            for (size_t i = 0; i < n; i++) ids[i] = (uint32_t)(next_random() % ROWS);
            for (size_t i = 0; i < LARGEST_COUNT + 4; i++) found[i] = -12345;
            tested(&rows, placed, 0, ids, n, found);
            int right = found[n] == -12345 && found[n + 3] == -12345;
            for (size_t i = 0; i < n; i++) right &= found[i] == expected[ids[i]];
            char what[100];
            snprintf(what, sizeof what, "%s, metric %d, code %d, variant %d: dimensions, gap, rows", name, (int)metric,
                     (int)code, variant);
            check(right, what, dimensions, gap, n);
        }
    }
}

void check_codes(const code_table *kernels, const char *name) {
    // A query's values and a row's bytes: as large as sums get, and the widest products.
    static const uint8_t extremes[2][2][4][2] = {
        { { { 0, 255 }, { 255, 0 }, { 127, 128 }, { 128, 127 } }, { { 0, 255 }, { 0, 0 }, { 127, 0 }, { 127, 255 } } },
        { { { 127, 255 }, { 129, 255 }, { 129, 0 }, { 129, 128 } }, { { 127, 0 }, { 129, 0 }, { 1, 255 }, { 0, 9 } } },
    };
    for (int metric = 0; metric < CAIRN_CODE_METRICS; metric++)
        for (int code = 0; code < CAIRN_CODES; code++) {
            size_t block = code == CAIRN_CODE_8 ? 64 : 128;
            for (size_t d = block; d <= 4096; d += d < 1024 ? block : 512)
                check_distances(kernels, name, (cairn_metric)metric, (cairn_code)code, d, 0, d / 64 % 3, NULL);
            for (size_t gap = 0; gap < 68; gap++)
                for (size_t d = block; d <= 256; d += block)
                    check_distances(kernels, name, (cairn_metric)metric, (cairn_code)code, d, gap, gap % 5, NULL);
            for (size_t k = 0; k < 4; k++)
                check_distances(kernels, name, (cairn_metric)metric, (cairn_code)code, LARGEST, 0, 0,
                                extremes[metric][code][k]);
        }
}

/// The digest of codes that Tests/CKernelsTests/QuantizationTests.swift has, from the same numbers.
static void check_digest(void) {
    enum { VALUES = 333, ROUNDS = 64 };
    uint64_t state = 1;
    uint32_t digest = 0;
    for (int round = 0; round < ROUNDS; round++) {
        float values[VALUES], unit, lost, beyond;
        uint8_t codes[2 * VALUES + 12];
        for (size_t i = 0; i < VALUES; i++) {
            uint64_t bits = next_of(&state);
            values[i] = (float)((int32_t)(uint32_t)bits >> 8) * (float)(bits >> 60) * (round % 2 == 0 ? 1 : 0x1p-130f);
        }
        cairn_quantize_u8(values, codes, VALUES, -0x1p22f, 0x1.2345p-18f, 255);
        unit = cairn_quantize_i8(values, (int8_t *)codes + VALUES, VALUES);
        memcpy(codes + 2 * VALUES, &unit, 4);
        lost = cairn_grid_loss(values, codes, VALUES - round, -0x1p22f, 0x1.cp17f, 0x1p21f, &beyond);
        memcpy(codes + 2 * VALUES + 4, &lost, 4);
        memcpy(codes + 2 * VALUES + 8, &beyond, 4);
        digest = cairn_crc32c(digest, codes, sizeof codes);
    }
    check(digest == 0x5373D814, "digest of codes", digest, 0, 0);
}

void check_quantization(void) {
    check_digest();
    const float infinity = 1e38f * 1e38f, nan = infinity - infinity;
    const float values[20] = { nan, infinity, -infinity, 0.5f, 1.5f, 2.5f, -0.5f, 254.5f, 255.5f, 3e38f,
                               nan, -3e38f,   0,         -0.0f, 126.5f, 127.5f, 1e-45f, 0x1p23f, 0x1p31f, 0.49999997f };
    const uint8_t positions[20] = { 0, 255, 0, 0, 2, 2, 0, 254, 255, 255, 0, 0, 0, 0, 126, 128, 0, 255, 255, 0 };
    for (size_t first = 0; first < 20; first++)
        for (size_t n = 0; n <= 20 - first; n++) {
            char *from = guarded(80) - 4 * n, *to = guarded(80) - n;
            memcpy(from, values + first, 4 * n);
            cairn_quantize_u8((const float *)from, (uint8_t *)to, n, 0, 1, 255);
            check(memcmp(to, positions + first, n) == 0, "positions", first, n, 0);
        }
    int8_t found[4];
    const float mixed[4] = { infinity, -infinity, nan, 1 }, tiny[4] = { 1e-45f, 0, -3e-45f, nan };
    const int8_t of_mixed[4] = { 127, -127, 0, 0 }, of_tiny[4] = { 64, 0, -127, 0 };
    check(cairn_quantize_i8(mixed, found, 4) == 0x1.fffffep127f / 127 && memcmp(found, of_mixed, 4) == 0,
          "signed units of infinities", 0, 0, 0);
    cairn_quantize_i8(tiny, found, 4);
    check(memcmp(found, of_tiny, 4) == 0, "signed units of tiny numbers", 0, 0, 0);
    uint8_t in[256], code_of[128], packed[128];
    for (size_t i = 0; i < 256; i++) in[i] = (uint8_t)(next_random() % 128);
    for (size_t i = 0; i < 128; i++) code_of[i] = (uint8_t)(i / 8);
    cairn_pack_4(in, code_of, packed, 256);
    for (size_t i = 0; i < 128; i++) {
        size_t low = i / 64 * 128 + i % 64;
        check(packed[i] == (in[low] / 8 | in[low + 64] / 8 << 4), "packed codes", i, 0, 0);
    }
}
