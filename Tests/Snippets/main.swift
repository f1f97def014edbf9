import Foundation

/// Runs the Swift of each page of the documentation, in an empty directory that has the example's vectors.
let example = URL(filePath: "Examples/debian-packages/vectors.npy").standardizedFileURL
let start = FileManager.default.currentDirectoryPath
for page in pages {
    let directory = FileManager.default.temporaryDirectory.appending(path: "cairn-snippets-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    try FileManager.default.copyItem(at: example, to: directory.appending(path: "vectors.npy"))
    _ = FileManager.default.changeCurrentDirectoryPath(directory.path)
    defer { _ = FileManager.default.changeCurrentDirectoryPath(start) }
    do {
        try await page.run()
        print("\(page.name): ok")
    } catch {
        print("\(page.name): \(error)")
        exit(1)
    }
}
