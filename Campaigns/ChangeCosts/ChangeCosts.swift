import ArgumentParser

/// `make costs` and `make churn`: what changes cost and what they leave, in counts.
@main
struct ChangeCosts: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Counts the work of changes to a store, and looks at what they leave of it.",
        subcommands: [CostsBySize.self, Churn.self, Duplicates.self, Findability.self])
}
