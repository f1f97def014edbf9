/// A rectangle of a drawing.
struct Box {
    let x, y, width, height: Double

    func overlaps(_ other: Box) -> Bool {
        x < other.x + other.width && other.x < x + width && y < other.y + other.height && other.y < y + height
    }

    func contains(_ other: Box) -> Bool {
        other.x >= x && other.y >= y && other.x + other.width <= x + width && other.y + other.height <= y + height
    }
}

/// Finds room for labels next to points, so that they cover neither one another nor what is drawn.
struct LabelPlacing {
    private let frame: Box
    private var taken: [Box] = []

    /// Labels stay within `frame`.
    init(frame: Box) { self.frame = frame }

    /// Keeps labels away from a place.
    mutating func avoid(_ box: Box) { taken.append(box) }

    /// Keeps labels away from a line.
    mutating func avoid(from start: (x: Double, y: Double), to end: (x: Double, y: Double)) {
        let length = max(abs(end.x - start.x), abs(end.y - start.y))
        let steps = max(1, Int(length / 4))
        for step in 0...steps {
            let share = Double(step) / Double(steps)
            let x = start.x + share * (end.x - start.x), y = start.y + share * (end.y - start.y)
            avoid(Box(x: x - 1.5, y: y - 1.5, width: 3, height: 3))
        }
    }

    /// A free box of this size near a point, as near as there is; nil where there is none within `reach`.
    mutating func place(
        width: Double, height: Double, near point: (x: Double, y: Double), reach: Double
    ) -> Box? {
        for gap in [7.0, 13, 20, 28, 38, 50] where gap <= reach {
            for (right, down) in Self.directions {
                let box = Box(
                    x: point.x + right * (gap + width / 2) - width / 2,
                    y: point.y + down * (gap + height / 2 - 3) - height / 2, width: width, height: height)
                guard frame.contains(box), !taken.contains(where: { $0.overlaps(box) }) else { continue }
                taken.append(box)
                return box
            }
        }
        return nil
    }

    /// Where a label goes at its point, the best first: curves of this kind leave room above and on the right.
    private static let directions: [(Double, Double)] = [
        (1, -0.7), (1, 0), (0, -1), (-1, 0.7), (0, 1), (-1, 0), (1, 0.7), (-1, -0.7), (0.5, -1), (-0.5, 1),
    ]
}
