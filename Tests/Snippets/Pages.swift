// swift-format-ignore-file
// Made by Scripts/snippets.
let pages: [(name: String, run: @Sendable () async throws -> Void)] = [
    ("Readme", runReadme),
    ("Cairn", runCairn),
    ("Concurrency", runConcurrency),
    ("Converting", runConverting),
    ("Durability", runDurability),
    ("GettingStarted", runGettingStarted),
    ("Quantization", runQuantization),
    ("Searching", runSearching),
    ("Troubleshooting", runTroubleshooting),
    ("UpdatingAndDeleting", runUpdatingAndDeleting),
]
