/// Which document each label belongs to. Documents are numbers of the caller's; labels of no document are never found.
public struct DocumentGrouping: Sendable {
    private enum Kind: Sendable {
        case shift(UInt8)
        case array([UInt64])
        case dictionary([Label: UInt64])
        case function(@Sendable (Label) -> UInt64?)
    }

    private let kind: Kind

    /// Label `l` belongs to document `l >> bits`: for labels that are a document's number and, in the low bits, a part's.
    public static func shift(_ bits: UInt8) -> DocumentGrouping { DocumentGrouping(kind: .shift(bits)) }

    /// Label `l` belongs to document `documents[l]`; those past the end to none.
    public static func array(_ documents: [UInt64]) -> DocumentGrouping { DocumentGrouping(kind: .array(documents)) }

    /// Label `l` belongs to document `documents[l]`; those that are missing to none.
    public static func dictionary(_ documents: [Label: UInt64]) -> DocumentGrouping {
        DocumentGrouping(kind: .dictionary(documents))
    }

    /// Label `l` belongs to document `document(l)`; nil: to none. The function may be called from several threads at once, and
    /// more than once for a label. It must give the same answer each time, and must not use the store that is searched: with a
    /// writer waiting, both would wait for ever.
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
}
