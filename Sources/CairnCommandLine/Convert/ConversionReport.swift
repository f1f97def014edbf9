import Cairn

/// What is told of a conversion, before it is done or afterwards.
struct ConversionReport {
    let plan: ConversionPlan
    /// Of a dry run what its check found.
    let outcome: ConversionOutcome
    let isDryRun: Bool
    let skipped: SkippedVectors?
    let seconds: Double

    /// Vectors that OUT has or would have.
    private var count: Int { (counts?.live ?? 0) - (skipped?.count ?? 0) }
    private var deletedCount: Int { counts?.deleted ?? 0 }
    private var counts: ConversionCounts? { outcome.counts ?? plan.facts.counts }
    private var warnings: [String] { plan.warnings + outcome.warnings }

    var facts: [(key: String, value: JSON)] {
        func number(_ value: Int?) -> JSON { value.map { .number($0) } ?? .null }
        let facts = plan.facts
        return [
            ("from", .string(plan.from.rawValue)),
            ("to", .string(plan.to.rawValue)),
            ("dry_run", .bool(isDryRun)),
            ("count", .number(count)),
            ("deleted", .number(deletedCount)),
            ("dimensions", .number(facts.dimensions)),
            ("metric", facts.metric.map { .string($0) } ?? .null),
            ("scalar", .string(facts.scalar.shortName)),
            ("m", number(facts.connectivity)),
            ("ef_construction", number(facts.constructionWidth)),
            ("bytes_read", .number(facts.bytesRead)),
            ("bytes_written", .number(outcome.bytesWritten)),
            ("seconds", .number(seconds, decimals: 3)),
            ("byte_identical", outcome.isByteIdentical.map { .bool($0) } ?? .null),
            ("lost", .array(plan.lost.map { .string($0) })),
            ("warnings", .array(warnings.map { .string($0) })),
        ] + (skipped?.facts ?? [])
    }

    /// Lines for people: what was recognised, what was or would be made of it, and what is lost on the way.
    var lines: [String] {
        let facts = plan.facts
        var source = "\(plan.source): \(plan.from.rawValue), \(counted(count, "vector")) of "
        source += counted(facts.dimensions, "dimension")
        if deletedCount > 0 { source += ", \(deletedCount) marked deleted" }
        source += ", \(readableBytes(facts.bytesRead))" + (skipped?.summary ?? "")
        var result = "\(plan.destination): \(plan.to.rawValue), \(facts.scalar.shortName)"
        if plan.to.vectorFile == nil {
            if let metric = facts.metric { result += ", metric \(metric)" }
            if let connectivity = facts.connectivity { result += ", M \(connectivity)" }
            if let width = facts.constructionWidth { result += ", ef_construction \(width)" }
        }
        if isDryRun {
            result += " (not written: this is a dry run)"
        } else {
            result += ", \(readableBytes(outcome.bytesWritten)) in \(fixed(seconds, decimals: 1)) s"
            if outcome.isByteIdentical == true { result += ", byte for byte the file that the data came from" }
        }
        return [source, result] + plan.lost.map { "lost: \($0)" } + warnings.map { "warning: \($0)" }
    }
}
