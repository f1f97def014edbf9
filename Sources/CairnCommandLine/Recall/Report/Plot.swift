/// The frame of a chart and what can be drawn in it, as SVG; the style sheet knows the classes.
struct Plot {
    typealias Point = (x: Double, y: Double)

    /// A vertical line, and what is written above it: what is asked for, and the answer.
    struct Guide {
        let place: Double
        let question: String
        /// Empty where it is another one for each curve.
        let answer: String
        /// Whether nothing that was measured is one.
        var isMissing = false
    }

    /// How wide a drawing is: for a screen or paper, or for a telephone. Letters have the same size in both.
    enum Format: Double, CaseIterable {
        case wide = 960
        case narrow = 400

        /// The class of what is shown where the drawing fits.
        var style: String { "\(self)" }
    }

    let format: Format
    let frame: Box
    let vertical: LogarithmicAxis

    init(_ format: Format, height: Double, vertical: LogarithmicAxis) {
        let left = format == .wide ? 92.0 : 66
        self.format = format
        frame = Box(x: left, y: 66, width: format.rawValue - left - 24, height: height - 66 - 56)
        self.vertical = vertical
    }

    private var bottom: Double { frame.y + frame.height }
    private var right: Double { frame.x + frame.width }

    func x(_ place: Double) -> Double { frame.x + place * frame.width }

    func y(_ value: Double) -> Double { bottom - vertical.place(value) * frame.height }

    /// The whole drawing.
    func svg(_ title: String, _ parts: [Markup]) -> Markup {
        let size = "0 0 \(Self.text(format.rawValue)) \(Self.text(bottom + 56))"
        return .element("svg", attributes: [("viewBox", size), ("role", "img"), ("aria-label", title)], parts)
    }

    /// The lines of the grid and the labels of both axes.
    func axes(_ ticks: [Tick], title: String, quantity: String, breakPlace: Double? = nil) -> Markup {
        var parts = ticks.map { line("grid", (x($0.place), frame.y), (x($0.place), bottom)) }
        parts += vertical.ticks.map { line("grid", (frame.x, y($0.value)), (right, y($0.value))) }
        parts.append(line("axis", (frame.x, bottom), (right, bottom)))
        if let breakPlace {
            let x = x(breakPlace)
            parts.append(line("paper", (x - 4, bottom), (x + 4, bottom)))
            parts += [-4.0, 4].map { line("axis", (x + $0 - 4, bottom + 6), (x + $0 + 4, bottom - 6)) }
        }
        for tick in ticks {
            parts.append(line("axis", (x(tick.place), bottom), (x(tick.place), bottom + 5)))
            parts.append(text("middle", (x(tick.place), bottom + 21), tick.label))
        }
        parts += vertical.ticks.map { text("end", (frame.x - 9, y($0.value) + 4.5), $0.label) }
        parts.append(text("soft middle", (frame.x + frame.width / 2, bottom + 44), title))
        parts.append(text("strong", (4, 16), quantity))
        return .group(parts)
    }

    /// Guides, whose first are the ones that are written above where there is too little room for all.
    func guides(_ guides: [Guide], heads: (question: String, answer: String) = ("for recall", "choose")) -> Markup {
        guard !guides.isEmpty else { return .group([]) }
        let question = frame.y - 32, answer = frame.y - 13
        var parts: [Markup] = []
        if format == .wide {
            parts = [text("soft end", (frame.x - 14, question), heads.question)]
            if !heads.answer.isEmpty { parts.append(text("strong end", (frame.x - 14, answer), heads.answer)) }
        }
        var written: [Double] = []
        for guide in guides {
            let x = x(guide.place)
            parts.append(line(guide.isMissing ? "guide none" : "guide", (x, frame.y - 6), (x, bottom)))
            guard written.allSatisfy({ abs($0 - x) >= 50 }) else { continue }
            written.append(x)
            parts.append(text("soft middle", (x, question), guide.question))
            guard !guide.answer.isEmpty else { continue }
            parts.append(text(guide.isMissing ? "soft middle" : "strong middle", (x, answer), guide.answer))
        }
        return .group(parts)
    }

    func line(_ style: String, _ start: Point, _ end: Point) -> Markup {
        .element(
            "line",
            attributes: [
                ("class", style), ("x1", Self.text(start.x)), ("y1", Self.text(start.y)),
                ("x2", Self.text(end.x)), ("y2", Self.text(end.y)),
            ], [])
    }

    /// A measured point, which says more when the pointer rests on it.
    func circle(_ style: String, _ center: Point, isChosen: Bool, _ description: String) -> Markup {
        .element(
            "circle",
            attributes: [
                ("class", style + (isChosen ? " chosen" : "")), ("cx", Self.text(center.x)),
                ("cy", Self.text(center.y)), ("r", isChosen ? "6" : "4"),
            ], [.element("title", [:], .text(description))])
    }

    func text(_ style: String, _ place: Point, _ content: String) -> Markup {
        .element(
            "text", attributes: [("class", style), ("x", Self.text(place.x)), ("y", Self.text(place.y))],
            [.text(content)])
    }

    /// A coordinate: a tenth of a pixel is enough.
    private static func text(_ value: Double) -> String { fixed(value, decimals: 1) }
}
