// Loads an hnswlib index and answers one query: what a process that uses hnswlib does before its first answer.
// Usage: first_answer INDEX DIMENSIONS l2|cosine QUERY.f32
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

extern "C" {
void *bench_load(const char *path, size_t dimensions, int cosine);
size_t bench_search(void *handle, const float *query, size_t k, size_t ef, uint64_t *labels, float *distances);
}

int main(int argc, char **argv) {
    if (argc != 5) return 64;
    size_t dimensions = std::strtoul(argv[2], nullptr, 10);
    std::vector<float> query(dimensions);
    FILE *file = std::fopen(argv[4], "rb");
    if (!file || std::fread(query.data(), 4, dimensions, file) != dimensions) return 1;
    void *index = bench_load(argv[1], dimensions, std::strcmp(argv[3], "cosine") == 0);
    uint64_t labels[10];
    float distances[10];
    size_t count = bench_search(index, query.data(), 10, 50, labels, distances);
    for (size_t i = 0; i < count; i++) std::printf("%llu %g\n", (unsigned long long)labels[i], distances[i]);
    std::fflush(stdout);
    _Exit(0);
}
