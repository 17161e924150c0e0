import FoundationEssentials
import Testing

/// The floors of ARCHITECTURE.md, and what may not be linked.
@Suite struct ImportTests {
    private let targets: [ManifestTarget]
    private let floors: Floors

    init() throws {
        targets = ManifestTarget.all(in: try SourceFile(path: "Package.swift"))
        floors = Floors(
            architecture: try SourceFile(path: "ARCHITECTURE.md"),
            modules: Set(targets.filter { $0.path.hasPrefix("Sources/") }.map(\.name)))
    }

    /// `apus-launcher` is the one executable besides `apus`; a module that nobody put on a floor would be free.
    @Test func everyModuleHasAFloor() {
        let modules = targets.filter { $0.path.hasPrefix("Sources/") && $0.name != "apus-launcher" }
        #expect(modules.count > 15)
        for module in modules { #expect(floors.byModule[module.name] != nil, "\(module.name)") }
    }

    @Test func everyFolderIsATarget() throws {
        let paths = Set(targets.map(\.path))
        for file in try Repository.files(in: ["Sources", "Tests", "Benchmarks"], ["swift"]) {
            #expect(paths.contains { file.path.hasPrefix($0 + "/") }, "\(file.path)")
        }
    }

    @Test func importsComeFromLowerFloors() throws {
        for target in targets where !target.isTest {
            for file in try Repository.files(in: [target.path], ["swift"]) {
                for other in file.imports {
                    #expect(floors.allows(target.name, toImport: other), "\(file.path) imports \(other)")
                    if target.name == "apus-launcher", floors.byModule[other] != nil {
                        #expect(other == "Launcher", "\(file.path) imports \(other)")
                    }
                }
            }
        }
    }

    @Test func dependenciesAreOfLowerFloors() {
        for target in targets where !target.isTest {
            for other in target.words {
                #expect(floors.allows(target.name, toImport: other), "\(target.name) depends on \(other)")
            }
        }
    }

    /// What the tests share stands on no floor, so nothing that is built for users may stand on it.
    @Test func onlyTestsUseWhatTheyShare() {
        let shared = targets.filter { !$0.isTest && $0.path.hasPrefix("Tests/") }.map(\.name)
        #expect(shared == ["TestSupport"])
        for target in targets where !target.isTest {
            #expect(target.words.isDisjoint(with: shared), "\(target.name)")
        }
    }

    /// An import that only a dependency's dependency provides builds or not as the order of the build falls out.
    @Test func importsAreDeclared() throws {
        let ours = Set(targets.map(\.name))
        for target in targets {
            for file in try Repository.files(in: [target.path], ["swift"]) {
                for other in file.imports where ours.contains(other) {
                    #expect(target.words.contains(other), "\(file.path) imports \(other)")
                }
            }
        }
    }

    /// All of Foundation would link ICU, some 44 MB; even its essentials are too much for the launcher, which is small,
    /// and for the way of an invocation.
    @Test func foundationStaysOut() throws {
        let without = ["Linux", "Sandbox", "Launcher", "RuntimeAPI", "Fleet", "apus-launcher"].map { "Sources/\($0)/" }
        for file in try Repository.files(in: ["Sources", "Benchmarks"], ["swift"]) {
            let imports = Set(file.imports)
            let whole = ["Foundation", "FoundationNetworking", "FoundationInternationalization", "FoundationXML"]
            #expect(imports.isDisjoint(with: whole), "\(file.path)")
            if without.contains(where: { file.path.hasPrefix($0) }) {
                #expect(!imports.contains("FoundationEssentials"), "\(file.path)")
            }
        }
    }

    /// The rules above see nothing where these readers see nothing.
    @Test func importsAreRead() {
        let file = SourceFile(
            path: "File.swift",
            text: """
                import A
                package import B
                @testable import C
                #if canImport(Glibc)
                    @preconcurrency public import struct D.E
                #endif
                /// import F
                let important = "import G"
                """)
        #expect(file.imports == ["A", "B", "C", "D"])
    }

    @Test func theManifestIsRead() {
        let manifest = SourceFile(
            path: "Package.swift",
            text: """
                let package = Package(
                    targets: [
                        .target(name: "C"),
                        module("A", path: "Sources/More/A", ["C", .product(name: "P", package: "p"), nio]),
                        // and its tests
                        tests(
                            "ATests",
                            ["A"]),
                    ]
                )
                """)
        let expected = [
            ManifestTarget(name: "C", isTest: false, path: "Sources/C", words: []),
            ManifestTarget(
                name: "A", isTest: false, path: "Sources/More/A", words: ["C", "Sources/More/A", "P", "p"]),
            ManifestTarget(name: "ATests", isTest: true, path: "Tests/ATests", words: ["A"]),
        ]
        #expect(ManifestTarget.all(in: manifest) == expected)
    }

    @Test func theTableIsRead() {
        let table = SourceFile(
            path: "ARCHITECTURE.md",
            text: """
                Words about A.
                2  A      what A is      B     uses C
                1  C      the bottom
                """)
        let floors = Floors(architecture: table, modules: ["A", "B", "C"])
        #expect(floors.allows("A", toImport: "C"))
        #expect(floors.allows("A", toImport: "NIOCore"))
        #expect(!floors.allows("A", toImport: "B"))
        #expect(!floors.allows("A", toImport: "A"))
        #expect(!floors.allows("C", toImport: "A"))
    }
}
