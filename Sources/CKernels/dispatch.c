/// Which level this process runs. Found at the first call, not by a constructor or an ifunc: threads that race for it
/// find the same, and what the first of them stored stays.
#include "kernel_table.h"
#include <stdlib.h>
#include <string.h>
#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

#define LEVELS 4
static const char *const names[LEVELS] = { "scalar", "avx2", "avx512", "neon" };

/// Stores `found` in *once unless another thread was first, and returns what is there. 0 means nothing yet.
static int settled(int *once, int found) {
    int expected = 0;
    int won = __atomic_compare_exchange_n(once, &expected, found, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    return won ? found : expected;
}

#if defined(__x86_64__)
static int runs(cairn_level level) {
    __builtin_cpu_init();
    int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c") &&
        __builtin_cpu_supports("popcnt");
    if (level == CAIRN_LEVEL_AVX2) return avx2;
    if (level == CAIRN_LEVEL_AVX512)
        return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512vnni");
    return level == CAIRN_LEVEL_SCALAR;
}

static int features(void) { return __builtin_cpu_supports("sse4.2") ? CPU_CRC32C : 0; }
#elif defined(__aarch64__)
static int runs(cairn_level level) { return level == CAIRN_LEVEL_SCALAR || level == CAIRN_LEVEL_NEON; }

static int features(void) {
    int found = 0;
#if defined(__ARM_FEATURE_CRC32)
    found |= CPU_CRC32C;
#endif
#if defined(__ARM_FEATURE_DOTPROD)
    found |= CPU_DOT_PRODUCT;
#endif
#if defined(__linux__)
    unsigned long capabilities = getauxval(AT_HWCAP);
    if (capabilities & 1ul << 7) found |= CPU_CRC32C;        // HWCAP_CRC32
    if (capabilities & 1ul << 20) found |= CPU_DOT_PRODUCT;  // HWCAP_ASIMDDP
#elif defined(__APPLE__)
    int has_it = 0;
    size_t size = sizeof has_it;
    if (sysctlbyname("hw.optional.arm.FEAT_DotProd", &has_it, &size, NULL, 0) == 0 && has_it) found |= CPU_DOT_PRODUCT;
#endif
    return found;
}
#else
static int runs(cairn_level level) { return level == CAIRN_LEVEL_SCALAR; }
static int features(void) { return 0; }
#endif

int cairn_cpu_features(void) {
    enum { KNOWN = 1 << 30 };
    static int once;
    int found = __atomic_load_n(&once, __ATOMIC_RELAXED);
    return found ? found : settled(&once, features() | KNOWN);
}

int cairn_kernel_level_supported(cairn_level level) { return (unsigned)level < LEVELS && runs(level); }

static cairn_level best_level(void) {
    const char *wanted = getenv("CAIRN_KERNELS");
    for (int level = 0; wanted && level < LEVELS; level++)
        if (strcmp(wanted, names[level]) == 0 && runs((cairn_level)level)) return (cairn_level)level;
    for (int level = LEVELS - 1; level > 0; level--)
        if (runs((cairn_level)level)) return (cairn_level)level;
    return CAIRN_LEVEL_SCALAR;
}

cairn_level cairn_kernel_level(void) {
    static int once;  // the level plus one
    int level = __atomic_load_n(&once, __ATOMIC_RELAXED);
    if (!level) level = settled(&once, (int)best_level() + 1);
    return (cairn_level)(level - 1);
}

static const kernel_table *kernels_at(cairn_level level) {
#if defined(__x86_64__)
    if (level == CAIRN_LEVEL_AVX512) return &cairn_avx512_kernels;
    if (level == CAIRN_LEVEL_AVX2) return &cairn_avx2_kernels;
#elif defined(__aarch64__)
    if (level == CAIRN_LEVEL_NEON)
        return cairn_cpu_features() & CPU_DOT_PRODUCT ? &cairn_neon_dotprod_kernels : &cairn_neon_kernels;
#endif
    (void)level;
    return &cairn_scalar_kernels;
}

const kernel_table *cairn_kernels(void) { return kernels_at(cairn_kernel_level()); }

static cairn_distances_fn chosen(const kernel_table *kernels, cairn_metric metric, cairn_scalar scalar,
                                 size_t dimensions) {
    if ((unsigned)metric >= CAIRN_METRICS || (unsigned)scalar >= CAIRN_SCALARS) return NULL;
    cairn_distances_fn unrolled = dimensions == 128 ? kernels->distances_128[metric][scalar] : NULL;
    return unrolled ? unrolled : kernels->distances[metric][scalar];
}

cairn_distances_fn cairn_distances_at(cairn_level level, cairn_metric metric, cairn_scalar scalar, size_t dimensions) {
    if (!cairn_kernel_level_supported(level)) return NULL;
    return chosen(kernels_at(level), metric, scalar, dimensions);
}

cairn_distances_fn cairn_distances(cairn_metric metric, cairn_scalar scalar, size_t dimensions) {
    return chosen(cairn_kernels(), metric, scalar, dimensions);
}

static cairn_distances_fn chosen_for_codes(const code_table *kernels, cairn_metric metric, cairn_code code,
                                           size_t dimensions) {
    if ((unsigned)metric >= CAIRN_CODE_METRICS || (unsigned)code >= CAIRN_CODES) return NULL;
    cairn_distances_fn unrolled = dimensions == 128 ? kernels->distances_128[metric][code] : NULL;
    return unrolled ? unrolled : kernels->distances[metric][code];
}

cairn_distances_fn cairn_code_distances_at(cairn_level level, cairn_metric metric, cairn_code code, size_t dimensions) {
    if (!cairn_kernel_level_supported(level)) return NULL;
    return chosen_for_codes(kernels_at(level)->codes, metric, code, dimensions);
}

cairn_distances_fn cairn_code_distances(cairn_metric metric, cairn_code code, size_t dimensions) {
    return chosen_for_codes(cairn_kernels()->codes, metric, code, dimensions);
}

cairn_count_less_fn cairn_count_less_at(cairn_level level) {
    return cairn_kernel_level_supported(level) ? kernels_at(level)->count_less : NULL;
}

cairn_count_less_fn cairn_count_less(void) { return cairn_kernels()->count_less; }
