import IAMModel

/// Where the statements of a policy's text begin and end, as the policy simulator tells it: lines and columns from 1,
/// each behind the brace.
struct StatementPlaces {
    private(set) var places: [(start: IAM.Position, end: IAM.Position)] = []

    /// - Parameter text: A policy that was read without fault.
    init(_ text: String) {
        var line = 1
        var column = 0
        var depth = 0
        var isInString = false
        var isEscaped = false
        /// The string that ends here, where one does; at the depth of the members of the document.
        var word = ""
        var isInStatements = false
        /// How deep statements lie: one deeper where there is a list of them.
        var statementDepth = 1
        var start: IAM.Position?
        for character in text.unicodeScalars {
            if character == "\n" {
                line += 1
                column = 0
                continue
            }
            column += 1
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if character == "\\" {
                    isEscaped = true
                } else if character == "\"" {
                    isInString = false
                } else if depth == 1 {
                    word.unicodeScalars.append(character)
                }
                continue
            }
            let here = IAM.Position(line: line, column: column + 1)
            switch character {
            case "\"":
                isInString = true
                if depth == 1 { word = "" }
            case ":" where depth == 1:
                isInStatements = word == "Statement"
                statementDepth = 1
            case "[":
                if isInStatements, depth == 1 { statementDepth = 2 }
                depth += 1
            case "{":
                if isInStatements, depth == statementDepth { start = here }
                depth += 1
            case "}":
                depth -= 1
                if isInStatements, depth == statementDepth, let begin = start {
                    places.append((begin, here))
                    start = nil
                }
            case "]": depth -= 1
            default: break
            }
        }
    }

    subscript(index: Int) -> (start: IAM.Position, end: IAM.Position)? {
        places.indices.contains(index) ? places[index] : nil
    }
}
