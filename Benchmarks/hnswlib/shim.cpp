// hnswlib's own index behind a C interface, compiled with -O3 -march=native from the headers of its release, so that one
// process can time it beside Cairn. Cosine is what hnswlib's Python binding makes of it: vectors and queries normalised,
// then inner product; the query is normalised inside the timed call, as there.
#include <atomic>
#include <cmath>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "hnswlib/hnswlib.h"

namespace {
struct Index {
    hnswlib::SpaceInterface<float> *space;
    hnswlib::HierarchicalNSW<float> *graph;
    size_t dimensions;
    bool cosine;
    std::vector<float> query;
};

void normalize(const float *from, float *to, size_t dimensions) {
    float norm = 0;
    for (size_t i = 0; i < dimensions; i++) norm += from[i] * from[i];
    norm = 1.0f / (std::sqrt(norm) + 1e-30f);
    for (size_t i = 0; i < dimensions; i++) to[i] = from[i] * norm;
}

Index *make(size_t dimensions, bool cosine) {
    auto index = new Index{nullptr, nullptr, dimensions, cosine, std::vector<float>(dimensions)};
    if (cosine) index->space = new hnswlib::InnerProductSpace(dimensions);
    else index->space = new hnswlib::L2Space(dimensions);
    return index;
}

void add(Index *index, const float *row, size_t dimensions, size_t label) {
    if (!index->cosine) return index->graph->addPoint(row, label);
    std::vector<float> normalized(dimensions);
    normalize(row, normalized.data(), dimensions);
    index->graph->addPoint(normalized.data(), label);
}

/// The labels whose bit is set.
struct Bitmap : hnswlib::BaseFilterFunctor {
    const uint64_t *words;
    explicit Bitmap(const uint64_t *words) : words(words) {}
    bool operator()(hnswlib::labeltype label) override { return words[label / 64] >> (label % 64) & 1; }
};

size_t search(Index *index, const float *query, size_t k, size_t ef, hnswlib::BaseFilterFunctor *filter,
              uint64_t *labels, float *distances) {
    index->graph->setEf(ef);
    if (index->cosine) {
        normalize(query, index->query.data(), index->dimensions);
        query = index->query.data();
    }
    auto found = index->graph->searchKnn(query, k, filter);
    size_t count = found.size();
    for (size_t i = count; i-- > 0;) {
        labels[i] = found.top().second;
        distances[i] = found.top().first;
        found.pop();
    }
    return count;
}
}  // namespace

extern "C" {
void *bench_create(size_t dimensions, int cosine, size_t capacity, size_t m, size_t ef_construction) {
    auto index = make(dimensions, cosine);
    index->graph = new hnswlib::HierarchicalNSW<float>(index->space, capacity, m, ef_construction);
    return index;
}

void bench_add(void *handle, const float *rows, size_t count, size_t first_label, size_t threads) {
    auto index = static_cast<Index *>(handle);
    size_t dimensions = index->dimensions, start = 0;
    // The first point by itself, as hnswlib's Python binding does.
    if (first_label == 0 && count > 0) { add(index, rows, dimensions, 0); start = 1; }
    std::atomic<size_t> next(start);
    std::vector<std::thread> workers;
    auto work = [&] {
        for (size_t i = next++; i < count; i = next++) add(index, rows + i * dimensions, dimensions, first_label + i);
    };
    for (size_t t = 1; t < threads; t++) workers.emplace_back(work);
    work();
    for (auto &worker : workers) worker.join();
}

size_t bench_search(void *handle, const float *query, size_t k, size_t ef, uint64_t *labels, float *distances) {
    return search(static_cast<Index *>(handle), query, k, ef, nullptr, labels, distances);
}

size_t bench_search_filtered(void *handle, const float *query, size_t k, size_t ef, const uint64_t *words,
                             uint64_t *labels, float *distances) {
    Bitmap filter(words);
    return search(static_cast<Index *>(handle), query, k, ef, &filter, labels, distances);
}

void bench_save(void *handle, const char *path) { static_cast<Index *>(handle)->graph->saveIndex(path); }

void *bench_load(const char *path, size_t dimensions, int cosine) {
    auto index = make(dimensions, cosine);
    index->graph = new hnswlib::HierarchicalNSW<float>(index->space, std::string(path));
    return index;
}

void bench_free(void *handle) {
    auto index = static_cast<Index *>(handle);
    delete index->graph;
    delete index->space;
    delete index;
}
}
