// swift-tools-version: 6.2
// The layers, lowest first; each may import only what stands above it in this list (Scripts/check-layers):
//   CKernels         C: distances per instruction set, CRC32C, prefetching
//   CAllocation      C: where a program that tests the others may refuse memory
//   CReadRing        C: Linux's io_uring, for reads
//   Allocation       memory and addresses of this process, or an error
//   Threading        locks, monitors, threads, worker teams, read-ahead
//   FileFormat       what each byte of a store means; no input or output
//   MappedStorage    files as memory, locks, every system call
//   WriteAheadLog    order and durability: log files and the journal of a checkpoint
//   HNSW             the graph, on pointers; does no input or output
//   HnswlibFile      hnswlib's and Chroma's files; knows nothing of stores
//   ChromaDatabase   Chroma's SQLite database; for the command line alone. Over CSQLite, the system's library
//   VectorFiles      .npy .fvecs .bvecs .ivecs .fbin .u8bin; knows nothing of stores
//   Cairn            the public API; plans, logs, publishes and checkpoints batches of changes
//   CairnCommandLine the program `cairn`
import PackageDescription

let settings: [SwiftSetting] = [
    .strictMemorySafety(),
    .enableExperimentalFeature("Lifetimes"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]
let strict: [SwiftSetting] = Context.environment["CI"] == nil ? settings : settings + [.treatAllWarnings(as: .error)]
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

var dependencies: [Package.Dependency] = [
    .package(url: "https://github.com/apple/swift-system", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
]
// The documentation plugin serves maintainers (make docs); users of the library need not resolve it.
if Context.environment["CAIRN_DOCS"] != nil {
    dependencies.append(.package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.4.0"))
}

let package = Package(
    name: "cairn",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Cairn", targets: ["Cairn"]),
        .executable(name: "cairn", targets: ["CairnCommandLine"]),
    ],
    dependencies: dependencies,
    targets: [
        .target(name: "CKernels", cSettings: [.headerSearchPath(".")]),
        .target(name: "CAllocation"),
        .target(name: "CReadRing"),
        .target(name: "Allocation", dependencies: ["CAllocation"], swiftSettings: strict),
        .target(name: "Threading", dependencies: ["Allocation"], swiftSettings: strict),
        .target(name: "FileFormat", dependencies: ["Allocation", "CKernels"], swiftSettings: strict),
        .target(
            name: "MappedStorage", dependencies: ["Allocation", "CReadRing", "Threading", "FileFormat", system],
            swiftSettings: strict),
        .target(
            name: "WriteAheadLog", dependencies: ["Allocation", "FileFormat", "MappedStorage", system],
            swiftSettings: strict),
        .target(
            name: "HNSW", dependencies: ["Allocation", "Threading", "CKernels", "FileFormat"], swiftSettings: strict),
        .target(
            name: "HnswlibFile",
            dependencies: ["Allocation", "CKernels", "FileFormat", "MappedStorage", "Threading", system],
            swiftSettings: strict),
        .target(
            name: "VectorFiles", dependencies: ["Allocation", "CKernels", "MappedStorage", system],
            swiftSettings: strict),
        .systemLibrary(name: "CSQLite", providers: [.apt(["libsqlite3-dev"])]),
        .target(
            name: "ChromaDatabase", dependencies: ["CSQLite", system], swiftSettings: strict,
            // Into the program, which then needs no library that is not everywhere.
            linkerSettings: [
                .linkedLibrary(":libsqlite3.a", .when(platforms: [.linux])),
                .linkedLibrary("sqlite3", .when(platforms: [.macOS])),
            ]),
        .target(
            name: "Cairn",
            dependencies: [
                "Allocation", "CKernels", "FileFormat", "HNSW", "HnswlibFile", "MappedStorage", "Threading",
                "VectorFiles",
                "WriteAheadLog", system,
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "CairnCommandLine",
            dependencies: [
                "Allocation", "Cairn", "ChromaDatabase", "HnswlibFile", "MappedStorage", "Threading", "VectorFiles",
                system,
                argumentParser,
            ],
            swiftSettings: strict),
        .target(name: "CRefusals", path: "Tests/CRefusals"),
        .target(
            name: "TestSupport", dependencies: ["CRefusals", "Cairn", system], path: "Tests/TestSupport",
            swiftSettings: strict),
        .target(
            name: "ChromaFixtures", dependencies: ["CSQLite", "ChromaDatabase", system], path: "Tests/ChromaFixtures",
            swiftSettings: strict),
        .target(
            name: "CrashStates", dependencies: ["Threading", "MappedStorage", "HNSW", system],
            path: "Campaigns/CrashStates",
            swiftSettings: strict),
        .executableTarget(
            name: "CrashCampaign",
            dependencies: ["Threading", "Cairn", "CrashStates", "MappedStorage", "HNSW", system, argumentParser],
            path: "Campaigns/Crash", swiftSettings: strict),
        .target(
            name: "DataSets", dependencies: ["VectorFiles", system, argumentParser], path: "Campaigns/DataSets",
            swiftSettings: strict),
        .executableTarget(
            name: "ChangeCosts",
            dependencies: [
                "Threading", "Cairn", "DataSets", "MappedStorage", "VectorFiles", "HNSW", "TestSupport", system,
                argumentParser,
            ],
            path: "Campaigns/ChangeCosts", swiftSettings: strict),
        .executableTarget(
            name: "SearchCosts",
            dependencies: ["Cairn", "DataSets", "HNSW", "VectorFiles", system, argumentParser],
            path: "Campaigns/SearchCosts", swiftSettings: strict),
        .executableTarget(
            name: "QuantizationTrials", dependencies: ["Cairn", system, argumentParser],
            path: "Campaigns/QuantizationTrials", swiftSettings: strict),
        .executableTarget(
            name: "Soak", dependencies: ["TestSupport", "Threading", "Cairn", "HNSW", system, argumentParser],
            path: "Campaigns/Soak",
            swiftSettings: strict),
        .target(name: "CInterruptions", path: "Campaigns/CInterruptions"),
        .executableTarget(
            name: "FaultCampaign",
            dependencies: [
                "Threading", "CInterruptions", "CRefusals", "Cairn", "CrashStates", "MappedStorage", "HNSW", system,
                argumentParser,
            ],
            path: "Campaigns/Faults", swiftSettings: strict),
        .executableTarget(
            name: "DamageCampaign",
            dependencies: [
                "Threading", "Cairn", "ChromaFixtures", "CrashStates", "FileFormat", "HNSW", "MappedStorage",
                "TestSupport", system,
                argumentParser,
            ],
            path: "Campaigns/Damage", swiftSettings: strict),
        .target(
            name: "Fuzzing",
            dependencies: [
                "Cairn", "FileFormat", "HnswlibFile", "MappedStorage", "TestSupport", "WriteAheadLog", system,
            ],
            path: "Campaigns/Fuzzing", exclude: ["Corpus"], swiftSettings: strict),
        // The Swift of the documentation, which may leave results unused.
        .executableTarget(
            name: "DocumentationSnippets", dependencies: ["Cairn"], path: "Tests/Snippets",
            swiftSettings: [.enableUpcomingFeature("MemberImportVisibility")]),
        .testTarget(
            name: "CrashStatesTests", dependencies: ["CrashStates", "MappedStorage", "TestSupport", system],
            swiftSettings: strict),
        .testTarget(
            name: "AllocationTests", dependencies: ["Allocation", "TestSupport", system], swiftSettings: strict),
        .testTarget(name: "CKernelsTests", dependencies: ["CKernels", "TestSupport"], swiftSettings: strict),
        .testTarget(name: "FileFormatTests", dependencies: ["FileFormat"], swiftSettings: strict),
        .testTarget(
            name: "MappedStorageTests", dependencies: ["MappedStorage", "FileFormat", "TestSupport", system],
            swiftSettings: strict),
        .testTarget(
            name: "WriteAheadLogTests",
            dependencies: ["WriteAheadLog", "MappedStorage", "FileFormat", "TestSupport", system],
            swiftSettings: strict),
        .testTarget(
            name: "HNSWTests",
            dependencies: ["Threading", "Allocation", "HNSW", "CKernels", "FileFormat", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "HnswlibFileTests", dependencies: ["HnswlibFile", "MappedStorage", "TestSupport", system],
            exclude: ["Fixtures"], swiftSettings: strict),
        .testTarget(
            name: "VectorFilesTests", dependencies: ["VectorFiles", "MappedStorage", system], exclude: ["Fixtures"],
            swiftSettings: strict),
        .testTarget(
            name: "CairnTests",
            dependencies: [
                "Threading", "Cairn", "FileFormat", "MappedStorage", "HNSW", "WriteAheadLog", "VectorFiles",
                "TestSupport", system,
            ],
            swiftSettings: strict),
        .testTarget(
            name: "CommandLineTests", dependencies: ["Cairn", "ChromaFixtures", "TestSupport", system],
            swiftSettings: strict),
    ]
)
