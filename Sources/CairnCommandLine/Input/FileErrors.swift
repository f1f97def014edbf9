import Cairn
import HnswlibFile
import MappedStorage
import SystemPackage
import VectorFiles

extension VectorFileError {
    /// What a store would call it.
    var code: StoreError.Code {
        switch errno.map({ Errno(rawValue: $0) }) {
        case nil where isOfVector: .invalidVector
        case nil, .isDirectory: .invalidArgument
        case .noSuchFileOrDirectory: .notFound
        case let reason? where reason.advice != nil: .full
        default: .io
        }
    }
}

extension StoreError {
    /// For a source of rows, which throws no other errors.
    init(_ error: VectorFileError) {
        self.init(error.code, error.message, path: error.path, systemError: error.errno.map { Errno(rawValue: $0) })
    }

    /// What is wrong with an index is damage, unless the system says otherwise.
    init(_ error: HnswlibFileError) {
        let code: StoreError.Code =
            switch error.errno {
            case nil: .corrupt
            case .noSuchFileOrDirectory: .notFound
            case let reason?: reason.advice == nil ? .io : .full
            }
        self.init(code, error.message, path: error.path, systemError: error.errno)
    }
}
