// swift-tools-version: 6.2
import PackageDescription

/// What every Swift target here is compiled with: Swift 6 mode is the tools version's default; the rest are the
/// upcoming features that keep module boundaries and existentials explicit.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let certificates = Target.Dependency.product(name: "X509", package: "swift-certificates")
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")

func module(_ name: String, path: String? = nil, _ dependencies: [Target.Dependency], resources: [Resource]? = nil)
    -> Target
{
    .target(name: name, dependencies: dependencies, path: path, resources: resources, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: strict)
}

let package = Package(
    name: "apus",
    products: [
        .executable(name: "apus", targets: ["apus"]),
        .executable(name: "apus-launcher", targets: ["apus-launcher"]),
        // What the launcher has runtimes load before all else that are to fork environments. It lies beside it.
        .library(name: "apus-zygote", type: .dynamic, targets: ["CZygote"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.0"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    ],
    targets: [
        // 0: C that Swift cannot say, and the system libraries.
        .target(name: "CLinux"),
        .systemLibrary(name: "CSeccomp", pkgConfig: "libseccomp", providers: [.apt(["libseccomp-dev"])]),
        .systemLibrary(name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        // 1
        // Neither Swift's library nor its start-up objects: it is loaded where there is no Swift.
        .target(
            name: "CZygote", dependencies: ["CLinux"],
            linkerSettings: [.unsafeFlags(["-nostartfiles", "-enable-experimental-feature", "Embedded"])]),
        module("Linux", ["CLinux", "CSeccomp"]),
        module("AWSWire", ["CLinux", "CZlib", nioCore, nioHTTP1, crypto]),
        module(
            "Storage",
            [
                logging, crypto, .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ]),
        module("Archive", ["CArchive", crypto]),
        // 2
        module("Sandbox", ["Linux", "CLinux"]),
        module("LambdaModel", path: "Sources/Models/Lambda", ["AWSWire", nioCore]),
        module("LogsModel", path: "Sources/Models/Logs", ["AWSWire", nioCore]),
        module("XRayModel", path: "Sources/Models/XRay", ["AWSWire", nioCore]),
        module("IAMModel", path: "Sources/Models/IAM", ["AWSWire"]),
        module("SNSModel", path: "Sources/Models/SNS", ["AWSWire"]),
        module("STSModel", path: "Sources/Models/STS", ["AWSWire"]),
        module("SQSModel", path: "Sources/Models/SQS", ["AWSWire", nioCore, nioHTTP1]),
        module("CloudWatchModel", path: "Sources/Models/CloudWatch", ["AWSWire", nioHTTP1]),
        module("CloudTrailModel", path: "Sources/Models/CloudTrail", ["AWSWire"]),
        module("SchedulerModel", path: "Sources/Models/Scheduler", ["AWSWire"]),
        module("EventBridgeModel", path: "Sources/Models/EventBridge", ["AWSWire", nioCore]),
        module("EventPatterns", ["AWSWire", nioCore]),
        module("Policies", ["AWSWire", nioCore]),
        module("Metrics", ["AWSWire", lifecycle]),
        module("Schedules", []),
        module("Signing", ["AWSWire", "Archive", nioCore, crypto]),
        module("Images", ["Archive", "CArchive", "Storage", "Linux", "CLinux", logging, crypto]),
        // 3
        module("Launcher", ["Sandbox", "Linux", "CLinux"]),
        module(
            "Runtimes", ["Sandbox", "Linux"],
            resources: [
                "bootstrap.py", "bootstrap.mjs", "bootstrap.cs", "bootstrap-dotnet.sh", "probe-dotnet.sh",
                "snapshot_restore_py.py", "bootstrap.rb", "bootstrap.ps1", "bootstrap-powershell.sh",
                "bootstrap-java.sh", "compile-java.sh", "probe-java.sh", "probe.rb", "java", "crac",
            ].map { .embedInCode("Bootstraps/\($0)") }),
        module("RuntimeAPI", ["AWSWire", "Linux", nioCore, nioPosix, nioHTTP1]),
        module("Identity", ["AWSWire", "Policies", "Storage", nioCore, logging]),
        // 4
        module(
            "Fleet",
            [
                "Metrics", "RuntimeAPI", "Runtimes", "Sandbox", "AWSWire", "Linux", nioCore, nioPosix, nioHTTP1,
                logging,
                lifecycle,
            ]),
        module(
            "Delivery", ["AWSWire", "Identity", "Policies", "Storage", nioCore, logging, lifecycle]),
        // 5
        module(
            "LambdaService", path: "Sources/Services/Lambda",
            [
                "Metrics",
                "AWSWire", "LambdaModel", "Identity", "Policies", "Signing", "Images", "Storage", "Archive", "Fleet",
                "Delivery",
                "Runtimes",
                "Sandbox",
                nioCore,
                nioHTTP1, logging, crypto,
            ]),
        module(
            "LogsService", path: "Sources/Services/Logs",
            [
                "AWSWire", "LogsModel", "Identity", "Policies", "Storage", "Delivery", "Fleet", "Metrics", nioCore,
                nioHTTP1, logging, lifecycle,
            ]),
        module(
            "XRayService", path: "Sources/Services/XRay",
            ["AWSWire", "XRayModel", "Identity", "Policies", "Storage", "Fleet", nioCore, nioHTTP1, logging, lifecycle]),
        module(
            "SNSService", path: "Sources/Services/SNS",
            [
                "AWSWire", "SNSModel", "EventPatterns", "Metrics", "Identity", "Policies", "Storage", "Delivery",
                nioCore, logging, crypto, cryptoExtras, certificates, asn1,
            ]),
        module(
            "SchedulerService", path: "Sources/Services/Scheduler",
            [
                "AWSWire", "SchedulerModel", "Schedules", "Metrics", "Delivery", "Identity", "Policies", "Storage",
                nioCore, nioHTTP1, logging, crypto,
            ]),
        module(
            "EventsService", path: "Sources/Services/Events",
            [
                "AWSWire", "EventBridgeModel", "EventPatterns", "Metrics", "Schedules", "Identity", "Policies",
                "Storage", "Delivery", nioCore, nioHTTP1, logging, lifecycle,
            ]),
        module(
            "STSService", path: "Sources/Services/STS",
            ["AWSWire", "STSModel", "Identity", "Policies", nioCore, logging, crypto, cryptoExtras]),
        module(
            "IAMService", path: "Sources/Services/IAM",
            ["AWSWire", "IAMModel", "Policies", "Identity", "Storage", nioCore, logging, crypto, lifecycle],
            resources: [.embedInCode("AWSManaged/policies.json")]),
        module(
            "CloudTrailService", path: "Sources/Services/CloudTrail",
            ["AWSWire", "CloudTrailModel", "Identity", "Policies", "Storage", nioCore, logging, lifecycle]),
        module(
            "SQSService", path: "Sources/Services/SQS",
            [
                "AWSWire", "SQSModel", "Delivery", "Identity", "Metrics", "Policies", "Storage", nioCore, nioHTTP1,
                logging,
                crypto,
                lifecycle,
            ]),
        module(
            "CloudWatchService", path: "Sources/Services/CloudWatch",
            [
                "AWSWire", "CloudWatchModel", "Metrics", "Delivery", "Identity", "Policies", "Storage", nioCore,
                nioHTTP1,
                logging, lifecycle,
            ]),
        // 6
        module("Gateway", ["AWSWire", "Identity", nioCore, nioPosix, nioHTTP1, logging, lifecycle]),
        // 7
        .executableTarget(
            name: "apus",
            dependencies: [
                "AWSWire", "Storage", "Archive", "Signing", "Images", "Sandbox", "Launcher", "Linux", "Runtimes",
                "Fleet",
                "Metrics", "Identity", "Policies", "Delivery", "LambdaService", "IAMService", "STSService",
                "LogsService", "XRayService", "CloudTrailService", "CloudWatchService", "SQSService", "SNSService",
                "EventsService", "SchedulerService",
                "Gateway",
                nioCore,
                nioPosix, nioHTTP1, logging, lifecycle,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
            ],
            swiftSettings: strict),
        .executableTarget(name: "apus-launcher", dependencies: ["Launcher"], swiftSettings: strict),

        // What `make bench` drives: the load generator with its baseline server, and a native function.
        .executableTarget(
            name: "apus-load",
            dependencies: [
                nioCore, nioPosix, nioHTTP1,
                .product(name: "Histogram", package: "hdrhistogram-swift"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Benchmarks/load", swiftSettings: strict),
        // What decisions about policies cost; run by hand.
        .executableTarget(
            name: "apus-policies", dependencies: ["Policies", nioCore], path: "Benchmarks/policies",
            swiftSettings: strict),
        .executableTarget(
            name: "apus-echo", path: "Benchmarks/echo", swiftSettings: strict,
            // What a cold start of a native function is measured with has nothing to load.
            linkerSettings: [.unsafeFlags(["-static-executable"])]),

        // What the tests share.
        module("TestSupport", path: "Tests/TestSupport", ["Delivery", "Identity", "Metrics", "Storage"]),
        tests("LinuxTests", ["TestSupport", "Linux", "CSeccomp"]),
        tests("SandboxTests", ["TestSupport", "Sandbox", "Linux"]),
        tests("LauncherTests", ["TestSupport", "Launcher", "Sandbox", "Linux", "CLinux"]),
        tests("AWSWireTests", ["TestSupport", "AWSWire", nioCore, nioHTTP1, nioEmbedded]),
        tests(
            "LambdaModelTests",
            ["TestSupport", "LambdaModel", "LogsModel", "IAMModel", "STSModel", "AWSWire", nioCore, nioHTTP1]),
        tests("PoliciesTests", ["TestSupport", "Policies", "AWSWire", nioCore]),
        tests("EventPatternsTests", ["TestSupport", "EventPatterns", "AWSWire", nioCore]),
        tests(
            "IdentityTests", ["TestSupport", "Identity", "Policies", "AWSWire", "Storage", nioCore, nioHTTP1, logging]),
        tests(
            "DeliveryTests", ["TestSupport", "Delivery", "Identity", "AWSWire", "Storage", nioCore, logging]),
        tests("MetricsTests", ["TestSupport", "Metrics"]),
        tests("StorageTests", ["TestSupport", "Storage"]),
        tests("ArchiveTests", ["TestSupport", "Archive"]),
        tests("SchedulesTests", ["Schedules"]),
        tests("SigningTests", ["TestSupport", "Signing", "Archive", "AWSWire", nioCore, crypto]),
        tests("ImagesTests", ["TestSupport", "Images", "Archive", logging]),
        tests("RuntimesTests", ["TestSupport", "Runtimes", "Sandbox"]),
        tests(
            "FleetTests",
            [
                "TestSupport", "Metrics", "Fleet", "RuntimeAPI", "Runtimes", "Sandbox", "AWSWire", "Linux", nioCore,
                nioPosix,
                nioEmbedded, logging,
            ]),
        tests(
            "LambdaServiceTests",
            [
                "TestSupport", "Metrics", "LambdaService", "LambdaModel", "Identity", "Policies", "Signing", "Images",
                "AWSWire",
                "Delivery",
                "Storage",
                "Archive",
                "Fleet", "Runtimes", "Sandbox",
                nioCore, nioHTTP1,
                nioEmbedded, logging, crypto,
            ]),
        tests(
            "LogsServiceTests",
            [
                "TestSupport", "LogsService", "LogsModel", "Identity", "Policies", "Delivery", "AWSWire", "Storage",
                "Metrics",
                "CZlib",
                nioCore,
                nioPosix,
                nioHTTP1, logging,
            ]),
        tests(
            "IAMServiceTests",
            [
                "TestSupport", "IAMService", "IAMModel", "Identity", "Policies", "AWSWire", "Storage", nioCore,
                nioPosix, nioHTTP1, logging,
            ]),
        tests(
            "XRayServiceTests",
            [
                "TestSupport", "XRayService", "XRayModel", "Identity", "AWSWire", "Storage", nioCore, nioPosix,
                nioHTTP1, logging,
            ]),
        tests(
            "SNSServiceTests",
            [
                "TestSupport", "Metrics", "SNSService", "SNSModel", "Delivery", "Identity", "Policies", "AWSWire",
                "Storage", nioCore, nioPosix, nioHTTP1, logging, crypto, cryptoExtras, certificates, asn1,
            ]),
        tests(
            "SchedulerServiceTests",
            [
                "TestSupport", "SchedulerService", "SchedulerModel", "Schedules", "Metrics", "Delivery", "Identity",
                "AWSWire", "Storage", nioCore, nioPosix, nioHTTP1, logging,
            ]),
        tests(
            "EventsServiceTests",
            [
                "TestSupport", "EventsService", "EventBridgeModel", "Schedules", "Metrics", "Delivery", "Identity",
                "AWSWire", "Storage", nioCore, nioPosix, nioHTTP1, logging,
            ]),
        tests(
            "STSServiceTests",
            [
                "STSService", "STSModel", "Identity", "Policies", "AWSWire", "Storage", nioCore, nioPosix, nioHTTP1,
                logging, crypto, cryptoExtras,
            ]),
        tests(
            "CloudTrailServiceTests",
            [
                "TestSupport", "CloudTrailService", "Identity", "Policies", "AWSWire", "Storage", nioCore, nioPosix,
                nioHTTP1, logging,
            ]),
        tests(
            "SQSServiceTests",
            [
                "TestSupport", "Metrics", "SQSService", "SQSModel", "Delivery", "Identity", "Policies", "AWSWire",
                "Storage",
                nioCore,
                nioPosix, nioHTTP1, logging,
            ]),
        tests(
            "CloudWatchServiceTests",
            [
                "TestSupport", "CloudWatchService", "CloudWatchModel", "Metrics", "Delivery", "Identity", "AWSWire",
                "Storage", nioCore, nioPosix, nioHTTP1, logging,
            ]),
        tests(
            "ApusTests", ["TestSupport", "apus", "AWSWire", "Delivery", "Sandbox", nioCore, nioPosix, nioHTTP1]),
        tests(
            "FuzzTests",
            [
                "AWSWire", "LambdaModel", "IAMModel", "STSModel", "Policies", "Identity", "Schedules", "Storage",
                "Archive", "Signing", "Images", "Sandbox", "RuntimeAPI", "Gateway", "Delivery", "EventPatterns",
                "SQSModel", "SQSService", "SNSService", "LogsService", "Metrics", nioCore, nioPosix, nioHTTP1,
                nioEmbedded,
            ], exclude: ["Seeds", "seeds.py"]),
        tests("TidyTests", []),
        tests(
            "GatewayTests", ["TestSupport", "Gateway", "Identity", "AWSWire", nioCore, nioPosix, nioHTTP1, nioEmbedded]),
    ]
)
