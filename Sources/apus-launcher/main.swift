import Launcher
