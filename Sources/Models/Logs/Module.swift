// Models/Logs
