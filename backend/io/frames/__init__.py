"""The decoder of scene frames: channels, depth, passes, ids, and undistorted frames."""
