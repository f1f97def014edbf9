public import SystemPackage

extension VectorStore {
    /// Checks a store, which is opened for reading, and returns its problems.
    ///
    /// Damage is reported, not thrown. A store that cannot be opened at all throws.
    ///
    /// - Parameters:
    ///   - path: The directory of the store.
    ///   - depth: The depth of the check.
    ///   - options: The memory and threads to use, and what to do about a damaged log.
    ///   - progress: A function that is called from time to time with the number of steps done and the total.
    /// - Returns: The problems and warnings.
    /// - Throws: ``StoreError``: the errors of ``open(at:options:)``; `full` or `io` if the system fails.
    ///   `cancelled` if the call was cancelled.
    /// - Complexity: As ``VerifyReport/Depth`` says.
    public static func verify(
        at path: FilePath, depth: VerifyReport.Depth = .graph, options: OpenOptions = .init(),
        progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
    ) throws(StoreError) -> VerifyReport {
        var options = options
        options.access = .readOnly
        return try open(at: path, options: options).verify(depth: depth, progress: progress)
    }

    /// Checks this store, in its files and in memory, and returns its problems.
    ///
    /// Damage is reported, not thrown. Changes and checkpoints wait while files are read. Searches go on.
    ///
    /// - Parameters:
    ///   - depth: The depth of the check.
    ///   - progress: A function that is called from time to time with the number of steps done and the total.
    /// - Returns: The problems and warnings.
    /// - Throws: ``StoreError``: `closed` after ``close()``; `forked` in a child of the process that opened the store
    ///   for writing; `full` or `io` if the system fails.
    ///   `cancelled` if the call was cancelled.
    /// - Complexity: As ``VerifyReport/Depth`` says.
    public func verify(
        depth: VerifyReport.Depth = .graph, progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
    ) throws(StoreError) -> VerifyReport {
        let steps = CheckProgress(depth, progress)
        var report = try readingQuiet { (session) throws(StoreError) in
            var check = StoreCheck(session, steps)
            try check.run(directory, depth)
            return check.report
        }
        if depth == .searches { try checkSearches(steps, &report) }
        steps.finish()
        return report
    }

    /// Searches for each vector by itself.
    private func checkSearches(_ steps: CheckProgress, _ report: inout VerifyReport) throws(StoreError) {
        var last = 0
        let missed = try Findability(
            store: self, threads: nil,
            progress: { done, _ in
                steps.advance((done - last) * CheckProgress.stepsOfSearch)
                last = done
            }
        ).missed()
        report.missedLabels = missed
        report.missedCount = missed.count
        guard !missed.isEmpty else { return }
        let all = missed.count == 1 ? "1 vector is" : "\(missed.count) vectors are"
        report.warnings.append(
            "\(all) not found by a search for itself at ef \(defaultWidth) (\(VerifyReport.listed(missed))); 'cairn repair' links such vectors "
                + "again")
    }
}
