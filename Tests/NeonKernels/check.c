/// Checks the NEON kernels (with and without dot product instructions), the pool's search, half precision and CRC32C
/// against the scalar versions; codes.c does so for the kernels of codes. Scripts/test-neon builds both for AArch64 and
/// runs them under QEMU.
#include "check.h"
#include <math.h>
#include <sys/mman.h>
#include <unistd.h>

static long checks, mismatches;

void check(int right, const char *what, size_t a, size_t b, size_t c) {
    checks++;
    if (right) return;
    if (++mismatches <= 20) fprintf(stderr, "mismatch: %s (%zu, %zu, %zu)\n", what, a, b, c);
}

uint64_t next_of(uint64_t *state) {
    uint64_t z = *state += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}

uint64_t next_random(void) {
    static uint64_t state = 1;
    return next_of(&state);
}

char *guarded(size_t bytes) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), usable = (bytes + page) / page * page;
    char *start = mmap(NULL, usable + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED || mprotect(start + usable, page, PROT_NONE) != 0) abort();
    return start + usable;
}

// MARK: Distances

enum { LARGEST = 65536, ROWS = 4, LARGEST_COUNT = 33 };
static const size_t sizes[4] = { 4, 2, 1, 1 };
static const char *const metric_names[3] = { "l2", "inner product", "cosine" };

static void fill(char *start, size_t n, cairn_scalar scalar) {
    for (size_t i = 0; i < n; i++) {
        uint64_t bits = next_random(), exponent = next_random() % 12;
        uint32_t single = (uint32_t)(bits & 0x807FFFFF) | (uint32_t)(121 + exponent) << 23;
        uint16_t half = (uint16_t)((bits & 0x83FF) | (9 + exponent) << 10);
        if (scalar == CAIRN_F32) memcpy(start + 4 * i, &single, 4);
        else if (scalar == CAIRN_F16) memcpy(start + 2 * i, &half, 2);
        else start[i] = (char)bits;
    }
}

static void check_distances(const kernel_table *kernels, const char *name, size_t dimensions, size_t gap,
                            size_t padding) {
    static char *row_end, *query_end;
    if (!row_end) {
        row_end = guarded(ROWS * (4 * LARGEST + 256));
        query_end = guarded(4 * LARGEST + 256);
    }
    static const size_t counts[7] = { 0, 1, 2, 3, 5, 16, LARGEST_COUNT };
    const float norms[ROWS] = { 100, 2000.5f, 0, 333 };
    for (int scalar = 0; scalar < 4; scalar++) {
        size_t row_bytes = dimensions * sizes[scalar], stride = row_bytes + padding;
        char *base = row_end - gap - (ROWS - 1) * stride - row_bytes;
        cairn_scalar query_scalar = scalar == CAIRN_F16 ? CAIRN_F32 : (cairn_scalar)scalar;
        char *query = query_end - gap - dimensions * sizes[query_scalar];
        for (size_t r = 0; r < ROWS; r++) fill(base + r * stride, dimensions, (cairn_scalar)scalar);
        fill(query, dimensions, query_scalar);
        cairn_rows rows = { base, stride, dimensions, norms };
        for (int metric = 0; metric < 3; metric++)
            for (int unrolled = 0; unrolled < (dimensions == 128 ? 2 : 1); unrolled++) {
                cairn_distances_fn tested = unrolled ? kernels->distances_128[metric][scalar]
                                                     : kernels->distances[metric][scalar];
                float first[ROWS];
                int seen[ROWS] = { 0 };
                for (size_t k = 0; k < 7; k++) {
                    size_t n = counts[k];
                    uint32_t ids[LARGEST_COUNT];
                    float expected[LARGEST_COUNT], found[LARGEST_COUNT + 4];
                    for (size_t i = 0; i < n; i++) ids[i] = (uint32_t)(next_random() % ROWS);
                    for (size_t i = 0; i < LARGEST_COUNT + 4; i++) found[i] = -12345;
                    cairn_scalar_kernels.distances[metric][scalar](&rows, query, 50.25f, ids, n, expected);
                    tested(&rows, query, 50.25f, ids, n, found);
                    int right = found[n] == -12345 && found[n + 3] == -12345;
                    for (size_t i = 0; i < n; i++) {
                        // Products of numbers below 64 of both signs: what they cancel to is no measure of the error.
                        float bound = scalar >= CAIRN_U8 ? 0
                            : metric == CAIRN_L2         ? 2e-5f * expected[i] + 1e-6f
                                                         : 1e-4f * sqrtf((float)dimensions) * 64 + 1e-3f;
                        right &= fabsf(found[i] - expected[i]) <= bound;
                        if (seen[ids[i]]) right &= found[i] == first[ids[i]];
                        seen[ids[i]] = 1;
                        first[ids[i]] = found[i];
                    }
                    char what[80];
                    snprintf(what, sizeof what, "%s, %s, scalar %d: dimensions, gap, rows", name,
                             metric_names[metric], scalar);
                    check(right, what, dimensions, gap, n);
                }
            }
    }
}

/// Sums as large as they get.
static void check_extremes(const kernel_table *kernels) {
    static const unsigned char pairs[8][2] = { { 0, 255 },     { 255, 0 },     { 255, 255 }, { 0x80, 0x7F },
                                               { 0x7F, 0x80 }, { 0x80, 0x80 }, { 1, 255 },   { 0xFF, 0x80 } };
    char *row = malloc(LARGEST), *query = malloc(LARGEST);
    const float norm = 10;
    for (size_t pair = 0; pair < 8; pair++)
        for (int scalar = CAIRN_U8; scalar <= CAIRN_I8; scalar++)
            for (int metric = 0; metric < 3; metric++)
                for (size_t dimensions = LARGEST - 1; dimensions <= LARGEST; dimensions++) {
                    memset(query, pairs[pair][0], LARGEST);
                    memset(row, pairs[pair][1], LARGEST);
                    cairn_rows rows = { row, 0, dimensions, &norm };
                    uint32_t ids[7] = { 0 };
                    float expected[7], found[7];
                    cairn_scalar_kernels.distances[metric][scalar](&rows, query, 3, ids, 7, expected);
                    kernels->distances[metric][scalar](&rows, query, 3, ids, 7, found);
                    check(memcmp(expected, found, sizeof found) == 0, "extremes", pair, (size_t)scalar, dimensions);
                }
    free(row);
    free(query);
}

static void check_kernels(const kernel_table *kernels, const char *name) {
    static const size_t more[] = { 100, 127,  128,  129,  255,   256,  257, 383,
                                   384, 385,  512,  768,  1000,  1536, 4096 };
    for (size_t d = 1; d <= 70; d++) check_distances(kernels, name, d, 0, d % 3);
    for (size_t k = 0; k < sizeof more / sizeof *more; k++) check_distances(kernels, name, more[k], 0, k % 2 * 7);
    check_distances(kernels, name, LARGEST, 0, 0);
    for (size_t gap = 0; gap < 68; gap++) {
        check_distances(kernels, name, 31, gap, 1);
        check_distances(kernels, name, 100, gap, 28);
        check_distances(kernels, name, 128, gap, 3);
    }
    check_extremes(kernels);
}

// MARK: The rest

static int ascending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void check_count_less(void) {
    enum { LARGEST_POOL = 5003 };
    uint64_t *end = (uint64_t *)guarded(8 * LARGEST_POOL);
    const uint64_t masks[4] = { 0, 0xF, 0xFFFF, ~(uint64_t)0 };
    for (uint32_t n = 0; n <= LARGEST_POOL; n += n < 140 ? 1 : 608)
        for (int m = 0; m < 4; m++) {
            uint64_t *keys = end - n;
            for (uint32_t i = 0; i < n; i++) keys[i] = (next_random() & masks[m]) + (m == 0 ? 1ull << 63 : 0);
            qsort(keys, n, 8, ascending);
            for (uint32_t i = 0; i < n + 4; i += 1 + n / 40) {
                const uint64_t beyond[4] = { 0, ~(uint64_t)0, 1ull << 63, (1ull << 63) - 1 };
                uint64_t key = i < n ? keys[i] + next_random() % 3 - 1 : beyond[i - n];
                uint32_t expected = 0;
                while (expected < n && keys[expected] < key) expected++;
                check(cairn_neon_kernels.count_less(keys, n, key) == expected, "count_less", n, (size_t)m, i);
                check(cairn_scalar_kernels.count_less(keys, n, key) == expected, "scalar count_less", n, (size_t)m, i);
            }
        }
}

static void check_half(void) {
    static uint16_t halves[65536], back[2][65536];
    static float floats[2][65536];
    for (size_t i = 0; i < 65536; i++) halves[i] = (uint16_t)i;
    cairn_scalar_kernels.f16_to_f32(halves, floats[0], 65536);
    cairn_neon_kernels.f16_to_f32(halves, floats[1], 65536);
    for (size_t i = 0; i < 65536; i++)
        check(memcmp(&floats[0][i], &floats[1][i], 4) == 0, "f16 to f32", i, 0, 0);
    // Every float that has one of these upper halves, with a lower half where rounding is decided.
    static const uint16_t low[6] = { 0, 1, 0x0FFF, 0x1000, 0x1001, 0xFFFF };
    for (size_t k = 0; k < 6; k++) {
        for (size_t i = 0; i < 65536; i++) {
            uint32_t bits = (uint32_t)i << 16 | low[k];
            memcpy(&floats[0][i], &bits, 4);
        }
        cairn_scalar_kernels.f32_to_f16(floats[0], back[0], 65536);
        cairn_neon_kernels.f32_to_f16(floats[0], back[1], 65536);
        for (size_t i = 0; i < 65536; i++) check(back[0][i] == back[1][i], "f32 to f16", i, low[k], back[1][i]);
    }
    for (size_t n = 0; n < 20; n++) {
        float few[24] = { 0 };
        cairn_neon_kernels.f16_to_f32(halves + 0x3C00, few, n);
        uint16_t again[24] = { 0 };
        cairn_neon_kernels.f32_to_f16(few, again, n);
        check(memcmp(again, halves + 0x3C00, 2 * n) == 0 && few[n] == 0 && again[n] == 0, "few halves", n, 0, 0);
    }
}

static void check_crc(void) {
    enum { LARGEST_LENGTH = 9000 };
    char *end = guarded(LARGEST_LENGTH + 64);
    for (size_t i = 0; i < LARGEST_LENGTH + 64; i++) end[-1 - (long)i] = (char)next_random();
    check(cairn_crc32c(0, "123456789", 9) == 0xE3069283, "the known CRC32C", 9, 0, 0);
    check(cairn_crc32c_portable(0, "123456789", 9) == 0xE3069283, "the known CRC32C, portable", 9, 0, 0);
    check((cairn_cpu_features() & CPU_CRC32C) != 0, "this machine has CRC instructions", 0, 0, 0);
    for (size_t length = 0; length <= LARGEST_LENGTH; length += length < 5000 ? 1 : 97) {
        const char *start = end - length % 17 - length;
        uint32_t crc = (uint32_t)next_random();
        check(cairn_crc32c(crc, start, length) == cairn_crc32c_portable(crc, start, length), "CRC32C", length, 0, 0);
    }
}

int main(void) {
    check(cairn_kernel_level() == CAIRN_LEVEL_NEON, "the level is NEON", 0, 0, 0);
    check(!cairn_kernel_level_supported(CAIRN_LEVEL_AVX2), "no AVX2 here", 0, 0, 0);
    check((cairn_cpu_features() & CPU_DOT_PRODUCT) != 0, "this machine has dot products", 0, 0, 0);
    check_kernels(&cairn_neon_kernels, "NEON");
    check_codes(cairn_neon_kernels.codes, "NEON codes");
    if (cairn_cpu_features() & CPU_DOT_PRODUCT) {
        check_kernels(&cairn_neon_dotprod_kernels, "NEON with dot products");
        check_codes(cairn_neon_dotprod_kernels.codes, "NEON codes with dot products");
    }
    check_quantization();
    check_count_less();
    check_half();
    check_crc();
    printf("NEON kernels: %ld checks, %ld mismatches\n", checks, mismatches);
    return mismatches != 0;
}
