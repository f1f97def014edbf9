public import ArgumentParser
public import Cairn

typealias Label = VectorStore.Label

extension VectorStore.Scalar: ExpressibleByArgument {}
extension VectorStore.Quantization: ExpressibleByArgument {}
extension VectorStore.VerifyReport.Depth: ExpressibleByArgument {}

/// The metrics that need no code of the caller.
enum MetricName: String, CaseIterable, ExpressibleByArgument {
    case l2, ip, cosine

    var metric: VectorStore.Metric {
        switch self {
        case .l2: .l2
        case .ip: .innerProduct
        case .cosine: .cosine
        }
    }
}

extension VectorStore.Metric {
    /// Its name on the command line; that of a custom one after `custom:`.
    var name: String {
        switch self {
        case .l2: MetricName.l2.rawValue
        case .innerProduct: MetricName.ip.rawValue
        case .cosine: MetricName.cosine.rawValue
        case .custom(let name): "custom:\(name)"
        }
    }
}

/// A number of bytes above 0, such as `1073741824`, `512M` or `4GiB`; the units are powers of 1024.
struct ByteCount: ExpressibleByArgument {
    let bytes: Int

    init?(argument: String) {
        let digits = argument.prefix { $0.isASCII && $0.isNumber }
        let shift: Int
        switch argument[digits.endIndex...].uppercased() {
        case "", "B": shift = 0
        case "K", "KB", "KIB": shift = 10
        case "M", "MB", "MIB": shift = 20
        case "G", "GB", "GIB": shift = 30
        case "T", "TB", "TIB": shift = 40
        default: return nil
        }
        guard let number = Int(digits), number > 0 else { return nil }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: 1 << shift)
        guard !overflow else { return nil }
        self.bytes = bytes
    }
}

/// A number of threads, 1 or more.
struct ThreadCount: ExpressibleByArgument {
    let count: Int

    init?(argument: String) {
        guard let count = Int(argument), (1...65_536).contains(count) else { return nil }
        self.count = count
    }
}

/// Search widths, such as `10,20,50`, each 1 or more.
struct WidthList: ExpressibleByArgument {
    let widths: [Int]

    init(_ widths: [Int]) { self.widths = widths }

    init?(argument: String) {
        let fields = argument.split(separator: ",", omittingEmptySubsequences: false)
        let widths = fields.compactMap { Int($0) }
        guard widths.count == fields.count, widths.allSatisfy({ $0 >= 1 }) else { return nil }
        self.widths = widths
    }

    var defaultValueDescription: String { widths.map { "\($0)" }.joined(separator: ",") }
}

/// The extensions that vector files have, for the shell to complete.
let vectorFileExtensions = ["npy", "fvecs", "bvecs", "ivecs", "fbin", "u8bin", "i8bin", "ibin"]
