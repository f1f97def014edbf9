// swift-tools-version: 6.2
// Its own package, so that users of the library never resolve what only benchmarks need.
import PackageDescription

let package = Package(
    name: "benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "cairn", path: "../")],
    targets: [
        .executableTarget(name: "BenchHnswlib", dependencies: [.product(name: "Cairn", package: "cairn")])
    ]
)
