/// A control group of Linux that this process belongs to, as far as its memory goes. Beyond a group's limit the kernel
/// kills processes, so whoever wants to live asks first.
package struct MemoryControlGroup {
    private let directory: String
    private let isVersion2: Bool

    init(_ directory: String, isVersion2: Bool) {
        self.directory = directory
        self.isVersion2 = isVersion2
    }

    private static let own: [MemoryControlGroup] = {
        let (unified, separate) = ControlGroup.directories(of: "memory")
        return unified.map { MemoryControlGroup($0, isVersion2: true) }
            + separate.map { MemoryControlGroup($0, isVersion2: false) }
    }()

    /// The lowest limit on the memory of this process; nil if there is none.
    package static var limit: Int? { own.compactMap(\.limit).min() }

    /// Bytes that this process may still take before a group is full; nil if none has a limit.
    package static var available: Int? { own.compactMap(\.available).min() }

    /// The limit; nil for none.
    var limit: Int? {
        let value = number(in: isVersion2 ? "memory.max" : "memory.limit_in_bytes")
        // Version 1 has no word for none, and says the largest number of pages.
        return value.flatMap { $0 < 1 << 60 ? $0 : nil }
    }

    /// What is left, with the pages of files that the kernel can drop. Those of shared memory it cannot.
    var available: Int? {
        guard let limit, let usage = number(in: isVersion2 ? "memory.current" : "memory.usage_in_bytes") else {
            return nil
        }
        var cached = 0
        for line in ControlGroup.text("\(directory)/memory.stat").split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count == 2, let value = Int(fields[1]) else { continue }
            switch (isVersion2, fields[0]) {
            case (true, "file"), (true, "slab_reclaimable"), (false, "total_cache"): cached += value
            case (true, "shmem"), (false, "total_shmem"): cached -= value
            default: break
            }
        }
        return max(0, limit - usage + max(0, cached))
    }

    private func number(in file: String) -> Int? {
        ControlGroup.text("\(directory)/\(file)").split(separator: "\n").first.flatMap { Int($0) }
    }
}
