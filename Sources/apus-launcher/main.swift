import Launcher

LauncherMain.run()
