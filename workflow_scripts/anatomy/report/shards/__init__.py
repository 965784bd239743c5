"""The data of the explorer: columns in script files, which a page that is opened from a disk may load."""
