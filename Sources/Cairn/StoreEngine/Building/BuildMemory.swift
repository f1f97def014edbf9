extension VectorStore {
    /// Bytes of memory that a build takes about, in addition to the pages of its file, which the kernel can write out: what the
    /// process has anyhow, the upper layers, the codes, and a bit a row for each walk of each thread.
    static func buildMemory(_ configuration: Configuration, rows: Int, threads: Int?) -> Int {
        let codes =
            switch configuration.quantization {
            case .none: 0
            case .scalar4: (configuration.dimensions + 127) / 128 * 64
            case .scalar8: (configuration.dimensions + 63) / 64 * 64
            }
        let walks = 4 * teamSize(threads, rows: rows)
        return 16 << 20 + rows * (6 + codes) + rows / 8 * walks
    }

    /// Throws for a memory budget that a build cannot keep to, whatever the kernel does.
    static func checkMemory(
        _ configuration: Configuration, rows: Int, _ options: BuildOptions
    ) throws(StoreError) {
        let needed = buildMemory(configuration, rows: rows, threads: options.threads)
        guard let budget = options.memoryBudget, budget < needed else { return }
        throw StoreError(
            .invalidArgument,
            "memory for the build is \(budget) bytes",
            remedy: "\(rows) vectors of \(configuration.dimensions) dimensions take about "
                + "\(needed >> 20 + 1) MiB in addition to the pages of the file; allow that or more")
    }
}
