import SystemPackage

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What a measurement ran on.
enum Machine {
    static var facts: [RecallReport.Fact] {
        var facts = [
            RecallReport.Fact(name: "CPU", value: processor),
            RecallReport.Fact(name: "cores", value: "\(sysconf(Int32(_SC_NPROCESSORS_ONLN)))"),
        ]
        if let instructions { facts.append(.init(name: "vector units", value: instructions)) }
        facts.append(.init(name: "system", value: system))
        #if DEBUG
        facts.append(.init(name: "cairn", value: "\(Program.version), debug build"))
        #else
        facts.append(.init(name: "cairn", value: Program.version))
        #endif
        return facts
    }

    /// The moment, such as `2026-03-01 18:05 UTC`.
    static var date: String {
        var now = time(nil)
        var parts = unsafe tm()
        unsafe gmtime_r(&now, &parts)
        let (year, month, day) = unsafe (parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday)
        let (hour, minute) = unsafe (parts.tm_hour, parts.tm_min)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(year)-\(two(month))-\(two(day)) \(two(hour)):\(two(minute)) UTC"
    }

    private static var processor: String {
        #if canImport(Darwin)
        var size = 0
        unsafe sysctlbyname("machdep.cpu.brand_string", nil, &size, nil, 0)
        var bytes = [UInt8](repeating: 0, count: size)
        let result = unsafe sysctlbyname("machdep.cpu.brand_string", &bytes, &size, nil, 0)
        return result == 0 ? String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) : architecture
        #else
        return processorFact("model name") ?? architecture
        #endif
    }

    /// What of the instructions that distances are computed with the CPU has; nil where nothing says so.
    private static var instructions: String? {
        guard let flags = processorFact("flags").map({ Set($0.split(separator: " ")) }) else {
            return architecture == "aarch64" || architecture == "arm64" ? "NEON" : nil
        }
        let names = [("avx512f", "AVX-512"), ("avx2", "AVX2"), ("fma", "FMA"), ("f16c", "F16C")]
        let found = names.filter { flags.contains(Substring($0.0)) }.map(\.1)
        return found.isEmpty ? nil : found.joined(separator: ", ")
    }

    private static var architecture: String { names.machine }

    private static var system: String { "\(names.system) \(names.release), \(names.machine)" }

    private static var names: (system: String, release: String, machine: String) {
        var name = utsname()
        guard unsafe uname(&name) == 0 else { return ("unknown", "", "unknown") }
        return (text(name.sysname), text(name.release), text(name.machine))
    }

    /// A text in an array of C, which Swift sees as a tuple.
    private static func text<Characters>(_ characters: Characters) -> String {
        unsafe withUnsafeBytes(of: characters) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// What Linux says about the first processor under a name; nil where it says nothing.
    private static func processorFact(_ name: String) -> String? {
        guard let file = try? FileDescriptor.open(FilePath("/proc/cpuinfo"), .readOnly) else { return nil }
        defer { try? file.close() }
        var bytes = [UInt8](repeating: 0, count: 1 << 14), count = 0
        while count < bytes.count {
            let read = try? unsafe bytes.withUnsafeMutableBytes { buffer in
                try unsafe file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[count...]))
            }
            guard let read, read > 0 else { break }
            count += read
        }
        for line in String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2,
                parts[0].split(whereSeparator: { $0 == "\t" || $0 == " " }).joined(separator: " ") == name
            else { continue }
            return String(parts[1].drop { $0 == " " })
        }
        return nil
    }
}
