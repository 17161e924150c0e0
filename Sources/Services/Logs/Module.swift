// Services/Logs
