import CloudTrailService
import CloudWatchService
import Delivery
import EventsService
import IAMService
import LambdaService
import LogsService
import SNSService
import SQSService
import SchedulerService
import Storage
import XRayService

/// The databases of a data directory, each with the tables of those that share it.
struct Stores {
    /// What is set up: functions, identities.
    let configuration: SQLiteDatabase
    /// What flows, apart from what is set up: neither waits for the other's commits.
    let events: SQLiteDatabase
    let metrics: SQLiteDatabase
    // What is written behind replies.
    let logs: SQLiteDatabase
    let traces: SQLiteDatabase
    let audit: SQLiteDatabase

    init(in directory: String) throws {
        func open(_ name: String, _ durability: SQLiteDatabase.Durability, _ migrations: [Migration]) throws
            -> SQLiteDatabase
        {
            try SQLiteDatabase(path: "\(directory)/\(name).db", durability: durability, migrations: migrations)
        }
        configuration = try open("apus", .durable, LambdaService.migrations + IAMService.migrations)
        let flowing: [[Migration]] = [
            Outbox.migrations, Timetable.migrations, LambdaService.eventMigrations, SQSService.migrations,
            SNSService.migrations, EventsService.migrations, SchedulerService.migrations,
            CloudWatchService.alarmMigrations,
        ]
        events = try open("events", .durable, Array(flowing.joined()))
        metrics = try open("metrics", .durable, CloudWatchService.migrations)
        logs = try open("logs", .relaxed, LogsService.migrations)
        traces = try open("traces", .relaxed, XRayService.migrations)
        audit = try open("audit", .relaxed, CloudTrailService.migrations)
    }
}
