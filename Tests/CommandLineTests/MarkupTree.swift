import Foundation
import Testing

#if canImport(FoundationXML)
import FoundationXML
#endif

/// A document of XML: what is not well-formed throws.
final class MarkupTree {
    let name: String
    let attributes: [String: String]
    private(set) var children: [MarkupTree] = []
    /// All text within, in its order.
    private(set) var text = ""

    private init(_ name: String, _ attributes: [String: String]) {
        self.name = name
        self.attributes = attributes
    }

    static func parse(_ document: String) throws -> MarkupTree {
        let parser = XMLParser(data: Data(document.utf8)), reader = Reader()
        parser.delegate = reader
        let isWellFormed = parser.parse()
        try #require(isWellFormed, "line \(parser.lineNumber): \(String(describing: parser.parserError))")
        return try #require(reader.root)
    }

    /// Every element of a name, at any depth; of a class, if one is given.
    func all(_ name: String, _ style: String? = nil) -> [MarkupTree] {
        let styles = Set((attributes["class"] ?? "").split(separator: " ").map(String.init))
        let isOne = self.name == name && (style.map { styles.contains($0) } ?? true)
        return (isOne ? [self] : []) + children.flatMap { $0.all(name, style) }
    }

    /// The texts of the cells of each row of a table's body.
    var tableRows: [[String]] {
        all("tbody").flatMap { $0.all("tr") }.map { $0.children.map(\.text) }
    }

    private final class Reader: NSObject, XMLParserDelegate {
        var root: MarkupTree?
        private var open: [MarkupTree] = []

        func parser(
            _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
            attributes: [String: String]
        ) {
            let element = MarkupTree(name, attributes)
            open.last?.children.append(element)
            if root == nil { root = element }
            open.append(element)
        }

        func parser(_ parser: XMLParser, foundCharacters characters: String) {
            for element in open { element.text += characters }
        }

        func parser(
            _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
        ) { open.removeLast() }
    }
}
