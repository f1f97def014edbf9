import Allocation
import HNSW
import Threading

extension VectorStore {
    /// A rule that says which document each label belongs to.
    ///
    /// Documents are numbers that you choose. Labels that belong to no document are never found.
    public struct DocumentGrouping: Sendable {
        private enum Kind: Sendable {
            case shift(UInt8)
            case array([UInt64])
            case dictionary([Label: UInt64])
            case function(@Sendable (Label) -> UInt64?)
        }

        private let kind: Kind
        /// Made when it is needed first.
        private let members = Guarded<Members?>(nil)

        /// Returns a grouping that takes the document from the high bits of each label.
        ///
        /// Label `l` belongs to document `l >> bits`. Use it if your labels have the document's number in the high bits
        /// and the number of its part in the low bits.
        ///
        /// - Parameter bits: The number of low bits of a label that do not belong to the document's number.
        /// - Returns: The grouping.
        public static func shift(_ bits: UInt8) -> DocumentGrouping { DocumentGrouping(kind: .shift(bits)) }

        /// Returns a grouping that looks each label up in an array.
        ///
        /// Label `l` belongs to document `documents[l]`. Labels past the end belong to no document.
        ///
        /// - Parameter documents: The document of each label, from label 0 on.
        /// - Returns: The grouping.
        public static func array(_ documents: [UInt64]) -> DocumentGrouping {
            DocumentGrouping(kind: .array(documents))
        }

        /// Returns a grouping that looks each label up in a dictionary.
        ///
        /// Label `l` belongs to document `documents[l]`. Labels that are missing belong to no document.
        ///
        /// - Parameter documents: The document of each label.
        /// - Returns: The grouping.
        public static func dictionary(_ documents: [Label: UInt64]) -> DocumentGrouping {
            DocumentGrouping(kind: .dictionary(documents))
        }

        /// Returns a grouping that asks a function for the document of each label.
        ///
        /// The function may be called from several threads at once, and more than once for a label. It must return the
        /// same document for a label each time. It must not use the store that is searched: if a writer is waiting,
        /// both would wait forever.
        ///
        /// - Parameter document: A function that returns the document of a label; nil if the label belongs to none.
        /// - Returns: The grouping.
        public static func function(_ document: @escaping @Sendable (Label) -> UInt64?) -> DocumentGrouping {
            DocumentGrouping(kind: .function(document))
        }

        @inline(__always)
        func document(of label: Label) -> UInt64? {
            switch kind {
            case .shift(let bits): label >> bits
            case .array(let documents): label < UInt64(documents.count) ? documents[Int(label)] : nil
            case .dictionary(let documents): documents[label]
            case .function(let document): document(label)
            }
        }

        /// The labels that may belong to these documents, each once; nil where they cannot be listed, or are more than
        /// `limit`. The first call for an array or a dictionary sorts it; it is kept for the next ones.
        func labels(of documents: [UInt64], limit: Int) throws(OutOfMemory) -> [Label]? {
            switch kind {
            case .function: return nil
            case .shift(let bits):
                guard bits < 13, documents.count << Int(bits) <= limit else { return nil }
                try ProcessMemory.expect(growing: documents.count << Int(bits), stride: 8)
                let size = UInt64(1) << bits
                return documents.flatMap { document in (0..<size).map { document << bits | $0 } }
            case .array, .dictionary:
                let known = members.withLock { members in
                    Result { () throws(OutOfMemory) in
                        if let members { return members }
                        try ProcessMemory.expect(growing: pairCount, stride: 16)
                        let made = Members(pairs)
                        members = made
                        return made
                    }
                }
                let members = try known.get()
                var labels: [Label] = []
                for document in documents {
                    for label in members.labels(of: document) {
                        try labels.expectRoom()
                        labels.append(label)
                    }
                    if labels.count > limit { return nil }
                }
                return labels
            }
        }

        private var pairCount: Int {
            switch kind {
            case .array(let documents): documents.count
            case .dictionary(let documents): documents.count
            case .shift, .function: 0
            }
        }

        private var pairs: [(document: UInt64, label: Label)] {
            switch kind {
            case .array(let documents): documents.enumerated().map { ($1, Label($0)) }
            case .dictionary(let documents): documents.map { ($1, $0) }
            case .shift, .function: []
            }
        }

        /// Labels in the order of their documents.
        private struct Members: Sendable {
            private let pairs: [(document: UInt64, label: Label)]

            init(_ pairs: [(document: UInt64, label: Label)]) {
                self.pairs = pairs.sorted { ($0.document, $0.label) < ($1.document, $1.label) }
            }

            func labels(of document: UInt64) -> some Sequence<Label> {
                var low = 0, high = pairs.count
                while low < high {
                    let middle = (low + high) / 2
                    if pairs[middle].document < document { low = middle + 1 } else { high = middle }
                }
                return pairs[low...].prefix { $0.document == document }.lazy.map(\.label)
            }
        }
    }
}
