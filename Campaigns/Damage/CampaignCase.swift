/// What is damaged, and what is done to it.
protocol CampaignCase {
    /// What it is counted as.
    var kind: String { get }
    var description: String { get }
    /// Throws what promise is broken.
    func run() throws -> Outcome
}

/// What came of a case.
enum Outcome: String, CaseIterable {
    /// Opening fails.
    case refused
    /// It opens, and something is found to be wrong.
    case found
    /// It is called sound, and it is.
    case sound
    /// It is called sound: its checksums were made right, or it has none.
    case believed
}
